"""The control plane: follows a state, keeps revisions, starts instances for requests and shares traffic."""

import asyncio
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from . import front, planned, volume
from .instance import Engine, Instance

T = TypeVar("T")
ADDRESSES = ("*.a.run.app", "*.run.app", "*.europe-west1.run.app")


class CloudRun:
    """Serves what `describe` tells (see `planned.service`), from a thread of its own, until the block ends.

    `storage` is the emulator of buckets. `secrets` are those that the state has not, by secret and version.
    `tokens` are the identity tokens of callers: token -> IAM member.
    """

    def __init__(
        self,
        engine: Engine,
        describe: Callable[[], Mapping[str, Any]],
        storage: str,
        *,
        secrets: Mapping[tuple[str, str], str] | None = None,
        tokens: Mapping[str, str] | None = None,
        certificate: Path | None = None,
    ) -> None:
        self.engine, self.storage = engine, storage
        self.revisions: dict[str, planned.Revision] = {}
        self.instances: list[Instance] = []
        self.answered: dict[str, int] = {}
        self.faults: list[str] = []
        self._describe, self._secrets, self._tokens = describe, dict(secrets or {}), dict(tokens or {})
        self._certificate = certificate
        self._seen: planned.Service | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "CloudRun":
        self._thread.start()
        self._starting = asyncio.Lock()
        self._free = asyncio.Condition()
        self._server = self.call(front.listen(self._handle, self._certificate))
        self.port = int(self._server.sockets[0].getsockname()[1])
        scheme = "http" if self._certificate is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self.call(self._end(list(self.instances)))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work on the loop of the control plane, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def follow(self) -> planned.Service:
        """Take up what the state says now; raises AssertionError where Cloud Run would refuse it."""
        service = planned.service(self._describe())
        assert service is not None, "there is no service"
        known = self.revisions.setdefault(service.newest.name, service.newest)
        assert known == service.newest, f"a revision {known.name} of other settings is there already"
        unknown = set(service.traffic) - set(self.revisions)
        assert not unknown, f"there is no revision {unknown}"
        self._secrets.update(service.secrets)
        self._seen = service
        return service

    async def warm(self) -> Instance:
        """Start an instance of the newest revision before a request comes, as min_instances does."""
        service = await asyncio.to_thread(self.follow)
        instance = await self._take(service, self.revisions[service.newest.name])
        await self._give_back(instance)
        return instance

    async def stop(self, revision: str | None = None) -> list[Instance]:
        """End the instances of a revision, or all; return them."""
        gone = [each for each in self.instances if revision in (None, each.revision.name)]
        await self._end(gone)
        return gone

    async def _handle(self, request: front.Request) -> bytes:
        before = self._seen
        service = await asyncio.to_thread(self.follow)
        if before is not None and before.traffic != service.traffic:
            idle = [each for each in self.instances if each.revision.name not in service.traffic]
            await self._end(idle)
        self._admit(request, service)
        revision = self.revisions[self._share(service.traffic)]
        instance = await self._take(service, revision)
        try:
            return await asyncio.wait_for(self._ask(instance, request), revision.timeout)
        except TimeoutError:
            raise front.RefusedError(504, "Gateway Timeout") from None
        except OSError:
            raise front.RefusedError(503, "Service Unavailable") from None
        finally:
            await self._give_back(instance)

    def _admit(self, request: front.Request, service: planned.Service) -> None:
        if service.callers is None:
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        member = self._tokens.get(token) if scheme == "Bearer" else None
        if member is None:
            raise front.RefusedError(401 if token else 403, "Unauthorized" if token else "Forbidden")
        if member not in service.callers:
            raise front.RefusedError(403, "Forbidden")

    def _share(self, traffic: Mapping[str, int]) -> str:
        """Choose the revision that is furthest behind its share."""
        total = sum(self.answered.get(name, 0) for name in traffic) + 1
        name = max(traffic, key=lambda name: traffic[name] * total / 100 - self.answered.get(name, 0))
        self.answered[name] = self.answered.get(name, 0) + 1
        return name

    async def _take(self, service: planned.Service, revision: planned.Revision) -> Instance:
        """Return an instance with room for one more request, starting one if there may be another."""
        while True:
            async with self._starting:
                await self._end([each for each in self.instances if each.process.returncode is not None])
                mine = [each for each in self.instances if each.revision is revision]
                free = next((each for each in mine if each.at_work < revision.concurrency), None)
                if free is None and len(mine) < revision.most:
                    free = await self._start(service, revision)
                if free is not None:
                    free.at_work += 1
                    free.busiest = max(free.busiest, free.at_work)
                    return free
            async with self._free:
                await self._free.wait()

    async def _start(self, service: planned.Service, revision: planned.Revision) -> Instance:
        instance = Instance(self.engine, revision, _free_port())
        secrets = {name: self._secrets[which] for name, which in revision.secrets.items()}
        names = {"K_SERVICE": service.name, "K_REVISION": revision.name, "K_CONFIGURATION": service.name}
        # The host's network is shared, so PORT is another one for each instance, as the contract allows.
        environment = {**revision.environment, **secrets, **names, "PORT": str(instance.port)}
        mounts = {
            path: (await asyncio.to_thread(volume.folder, self.storage, bucket), read_only)
            for path, (bucket, read_only) in revision.mounts.items()
        }
        try:
            await instance.start(environment, mounts)
        except RuntimeError as fault:
            self.faults.append(str(fault))
            raise front.RefusedError(503, "Service Unavailable") from None
        self.instances.append(instance)
        return instance

    async def _ask(self, instance: Instance, request: front.Request) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", instance.port)
        try:
            writer.write(request.forwarded())
            answer = await reader.read()
            if not answer:
                raise ConnectionResetError
            return answer
        finally:
            writer.close()

    async def _give_back(self, instance: Instance) -> None:
        instance.at_work -= 1
        async with self._free:
            self._free.notify_all()

    async def _end(self, instances: list[Instance]) -> None:
        self.instances = [each for each in self.instances if each not in instances]
        await asyncio.gather(*(each.stop() for each in instances))


def certificate(folder: Path) -> Path:
    """Make a certificate with its key, for the names that Cloud Run gives to services."""
    path = folder / "front.pem"
    names = ",".join([*(f"DNS:{name}" for name in ADDRESSES), "IP:127.0.0.1"])
    openssl = shutil.which("openssl")
    assert openssl is not None
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=run.app", "-addext", f"subjectAltName={names}"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes((folder / "key.pem").read_bytes() + (folder / "certificate.pem").read_bytes())
    return path


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])
