import js from "@eslint/js";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist/", "build/", "node_modules/"] },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked.map((config) => ({ ...config, files: ["**/*.ts"] })),
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      // Typed arrays under noUncheckedIndexedAccess: a loop bound proves the index, `!` says so.
      "@typescript-eslint/no-non-null-assertion": "off",
      // `const` objects with unions beside them; no enums to lint.
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      // node:test returns promises that its runner awaits.
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", name: ["test", "describe", "it"], package: "node:test" }] },
      ],
    },
  },
  {
    // State and maths know neither the page nor three.
    files: ["src/model/**/*.ts"],
    rules: {
      "no-restricted-imports": ["error", { patterns: ["three", "three/*", "../page/*", "../three/*", "../xr/*", "../volume/*"] }],
      "no-restricted-globals": ["error", "document", "window", "localStorage", "fetch"],
    },
  },
  {
    files: ["src/page/**/*.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: ["../xr/*"] }] },
  },
  {
    files: ["src/xr/**/*.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: ["../page/*"] }] },
  },
  {
    files: ["scripts/**/*.mjs", "*.js"],
    languageOptions: { globals: { console: "readonly", process: "readonly", URL: "readonly" } },
  },
);
