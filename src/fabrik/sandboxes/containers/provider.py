"""What the providers `podman` and `docker` have in common."""

from __future__ import annotations

from abc import abstractmethod

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.containers import host_view, leftovers
from fabrik.sandboxes.containers.arguments import Image
from fabrik.sandboxes.containers.engine import Engine
from fabrik.sandboxes.containers.sandbox import ContainerSandbox
from fabrik.sandboxes.layout import Layout, problem
from fabrik.sandboxes.provider import HostProvider
from fabrik.sandboxes.sandbox import Options, Preflight, SandboxSpec


class Containers(HostProvider[ContainerSandbox]):
    """Sandboxes whose commands run in containers of an engine on this machine."""

    isolates = True
    sandbox = ContainerSandbox

    def __init__(self, target: str = "", options: Options = Options()) -> None:  # noqa: B008 - frozen
        super().__init__(target, options)
        self._image: Image | None = None

    @abstractmethod
    def engine(self) -> Engine:
        """The engine as this machine has it. Raises SandboxBroken."""

    async def image(self) -> Image:
        """What containers are made of: the configured image, or the host's system. Raises SandboxBroken."""
        if self._image is not None:
            return self._image
        engine = self.engine()
        if name := self.options.image:
            if (await engine.ask("image", "inspect", "--format", "{{.Id}}", name)).status != 0:
                raise SandboxBroken(
                    f"{engine.name} has no image {name!r}, and fabrik never pulls one",
                    where="[containers] image",
                    todo=f"make or pull it: {engine.program} pull {name}",
                )
            self._image = Image(name=name, own=True)
        else:
            self._image = Image(name=await host_view.image(engine), own=False)
        return self._image

    async def create(self, spec: SandboxSpec) -> ContainerSandbox:
        """See the contract."""
        image = await self.image()
        box = await super().create(spec)
        box.engine, box.image = self.engine(), image
        if not image.own:
            try:
                box.layout.renew_etc()
            except OSError as error:
                raise problem(error, "the sandbox cannot be made", spec.root) from error
        return box

    async def _sweep(self, name: str, there: Layout) -> None:
        """End what still runs: the containers by their label, then as for every sandbox."""
        engine = self.engine()
        await leftovers.remove(engine, await leftovers.of_sandbox(engine, name))
        await super()._sweep(name, there)

    async def preflight(self) -> Preflight:
        from fabrik.sandboxes.containers.probe import probe

        return await probe(self)
