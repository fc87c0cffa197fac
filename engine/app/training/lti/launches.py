"""What this server does for platforms: logins begun, launches checked, and grades sent."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from engine.app.training.lti.asking import Ask, asker
from engine.app.training.lti.grade_queue import GradeQueue, ScoreService
from engine.app.training.lti.key import OwnKey
from engine.app.training.lti.logins import Logins
from engine.app.training.lti.platform_keys import PlatformKeys
from engine.app.training.lti.registration import LAUNCH
from engine.app.training.sending import keep_sending
from engine.app.training.store import Store
from scenarios.lti.claims import claims_of
from scenarios.lti.launch import Launch, launched
from scenarios.lti.platform import Platform, Registered
from scenarios.lti.refused import LaunchRefused

KEY_FILE = "lti-key.pem"
_CODE = re.compile(r"[a-z_]{1,60}")


@dataclass(frozen=True, slots=True)
class Launched:
    """A launch that is as it must be, and of which platform."""

    platform: Platform
    launch: Launch
    nonce: str = field(repr=False)


class Launches:
    """Not a value: it holds this server's key, and what was fetched of platforms."""

    def __init__(
        self, registered: Registered, folder: Path, clock: Callable[[], float], ask: Ask | None = None
    ) -> None:
        self.registered = registered
        self.key = OwnKey.in_file(folder / KEY_FILE)
        self._clock = clock
        self._ask = ask or asker()
        self._logins = Logins(clock)
        self._keys = PlatformKeys(self._ask, clock)

    def begin(self, said: Mapping[str, str], browser: str) -> str:
        """Where a browser goes to be known: the platform's address for that, with what it is asked.

        Raises:
            LaunchRefused: the platform is not registered, or does not say what it must.
        """
        for name in ("iss", "login_hint", "target_link_uri"):
            if not said.get(name):
                raise LaunchRefused(f"the login does not say its {name}")
        platform = self.registered.asked(said["iss"], said.get("client_id") or None)
        deployment = said.get("lti_deployment_id")
        if deployment and deployment not in platform.deployments:
            raise LaunchRefused("the deployment_id is not registered here")
        if not self.registered.is_ours(said["target_link_uri"]):
            raise LaunchRefused("the target_link_uri leads elsewhere")
        nonce = secrets.token_urlsafe(32)
        asked = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": platform.client_id,
            "redirect_uri": f"{self.registered.address}{LAUNCH}",
            "login_hint": said["login_hint"],
            "state": self._logins.state(platform, nonce, browser),
            "nonce": nonce,
        }
        if "lti_message_hint" in said:
            asked["lti_message_hint"] = said["lti_message_hint"]
        return f"{platform.login}{'&' if urlsplit(platform.login).query else '?'}{urlencode(asked)}"

    def launched(self, said: Mapping[str, str], browser: str | None) -> Launched:
        """What the platform posts, once all of it was checked but that its nonce is new.

        Raises:
            LaunchRefused: with the reason.
        """
        if not said.get("state"):
            raise LaunchRefused("the launch does not say its state")
        login = self._logins.login(said["state"], browser)
        if "id_token" not in said:
            code = said.get("error", "")
            why = f": {code}" if _CODE.fullmatch(code) else ""
            raise LaunchRefused(f"the platform sends no token{why}")
        platform = self.registered.asked(login.issuer, login.client_id)
        claims = claims_of(self._keys.payload(said["id_token"], platform))
        launch = launched(claims, platform, self.registered, login.nonce, self._clock())
        return Launched(platform, launch, login.nonce)

    @contextlib.asynccontextmanager
    async def sending(self, store: Store, say: Callable[[str], None]) -> AsyncIterator[None]:
        """Send grades meanwhile: each platform at its own pace, so that one that is away holds up no other."""
        tasks = []
        for platform in self.registered.platforms:
            queue = GradeQueue(store, platform, self._clock)
            await asyncio.to_thread(queue.try_again)
            service = ScoreService(platform, self.key, self._ask, self._clock)
            send = functools.partial(queue.send_some, service.post)
            tasks.append(asyncio.create_task(keep_sending(send, platform.issuer, say, asyncio.sleep)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
