"""Imports: something is done as soon as a module is there, now or when somebody imports it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class ImportHook(MetaPathFinder):
    """Calls a function with the name of a module, once it has been imported.

    It finds nothing by itself: it looks who else finds the module, and joins in its loading.
    """

    def __init__(self, watched: Mapping[str, Callable[[str], None]]) -> None:
        self._watched = watched

    def watch(self) -> None:
        sys.meta_path.insert(0, self)
        for name, then in self._watched.items():
            if sys.modules.get(name) is not None:
                import_module(name)  # waits if it is still on its way in another thread
                then(name)

    def unwatch(self) -> None:
        with suppress(ValueError):
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._watched:
            return None
        for finder in sys.meta_path:
            spec = None if isinstance(finder, ImportHook) else finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Joined(spec.loader, self._watched[name])
                return spec
        return None


class _Joined(Loader):
    """A module's own loader, and what is done after it."""

    def __init__(self, loader: Loader, then: Callable[[str], None]) -> None:
        self._loader, self._then = loader, then

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._then(module.__name__)
