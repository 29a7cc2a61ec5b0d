"""An import hook: calls a function for a module as soon as the module has been imported."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Callback = Callable[[str], None]


class ImportHook(MetaPathFinder):
    """After a module is imported, calls the module's callback with the module's name.

    `callbacks` maps module names to callbacks. The hook does not find modules itself. It asks the other
    finders, and wraps the loader that they return.
    """

    def __init__(self, callbacks: Mapping[str, Callback]) -> None:
        self._callbacks = callbacks

    def install(self) -> None:
        """Watch for imports, and call the callbacks of modules that are already imported."""
        sys.meta_path.insert(0, self)
        for name, callback in self._callbacks.items():
            if sys.modules.get(name) is not None:
                import_module(name)  # waits if another thread is still importing it
                callback(name)

    def uninstall(self) -> None:
        with suppress(ValueError):
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._callbacks:
            return None
        for finder in sys.meta_path:
            spec = None if isinstance(finder, ImportHook) else finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _CallbackLoader(spec.loader, self._callbacks[name])
                return spec
        return None


class _CallbackLoader(Loader):
    """Wraps a module's loader, and calls a callback once the module has been executed."""

    def __init__(self, loader: Loader, callback: Callback) -> None:
        self._loader, self._callback = loader, callback

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._callback(module.__name__)
