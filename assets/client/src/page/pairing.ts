// Being let in: six digits that the server shows, typed once. Over everything, since nothing else works without.

import { element, setText } from "./element";

const DIGITS = 6;

/** Asks for the code until `enter` takes one; `enter` says why not, or null once inside. */
export function askForCode(enter: (code: string) => Promise<string | null>): Promise<void> {
  const input = element("input", {
    type: "text", inputMode: "numeric", autocomplete: "one-time-code", maxLength: DIGITS + 1, placeholder: "000 000", class: "digits", "aria-label": "Six digits",
  });
  const why = element("p", { class: "trouble", role: "alert" });
  const button = element("button", { class: "button primary large", type: "submit" }, "Come in");
  const form = element(
    "form",
    { class: "card pairing" },
    element("h2", {}, "Come in with a code"),
    element("p", {}, "The server shows six digits where it was started. Somebody inside can also invite you, or run “sightline invite”."),
    input,
    why,
    button,
  );
  const layer = element("div", { class: "pairing-layer", role: "dialog", "aria-modal": "true", "aria-label": "Come in with a code" }, form);
  document.body.append(layer);
  input.focus();
  return new Promise((resolve) => {
    const trySubmit = async (): Promise<void> => {
      button.disabled = true;
      const refusal = await enter(input.value);
      button.disabled = false;
      if (refusal === null) {
        layer.remove();
        resolve();
        return;
      }
      setText(why, `${refusal.charAt(0).toUpperCase()}${refusal.slice(1)}.`);
      input.select();
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void trySubmit();
    });
    input.addEventListener("input", () => {
      if (input.value.replace(/\D/g, "").length === DIGITS) void trySubmit();
    });
  });
}
