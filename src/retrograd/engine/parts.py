"""Parts: functions that are compiled only as parts of the kernels that call them.

Numba compiles every function down to machine code by itself, and once more within each of its
callers. For kernels made of a hundred small functions that is most of the first fit's time. A part
stops where it is ready to be linked, and what it calls is linked only where machine code is made:
into the entry, which is optimised as a whole.
"""

from numba.core import codegen, types
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import PassManager

_Library: type = getattr(codegen, "JITCodeLibrary", object)
# Numba's passes for what no kernel does: closures, whole arrays, ``with`` blocks, references that
# are counted until a variable's last use.
_IDLE = {
    "WithLifting",
    "InlineClosureLikes",
    "InlineInlinables",
    "InlineOverloads",
    "MakeFunctionToJitFunction",
    "LiteralUnroll",
    "NopythonRewrites",
    "IRLegalization",
}
# What this file takes for granted of it.
_KNOWN = (
    "_optimize_functions",
    "_finalize_dynamic_globals",
    "_get_module_for_linking",
    "get_pointer_to_function",
    "codegen",
)


class _PartLibrary(_Library):
    """Code that others link in; there is no machine code of it alone."""

    _with_callees = None

    def __init__(self, codegen, name, inline):
        super().__init__(codegen, name)
        self._inline = inline

    def _optimize_functions(self, ll_module):
        """Leave that to the caller, but say of what is large that it be called, and once there."""
        if not self._inline:
            for function in ll_module.functions:
                if not function.is_declaration:
                    function.add_function_attribute("noinline")

    def finalize(self):
        """Be ready to be linked in; what this part calls itself is not linked into it."""
        self._finalize_dynamic_globals()
        self._finalized = True

    def _alone(self):
        return super()._get_module_for_linking()

    def _get_module_for_linking(self):
        """Return this part with all that it calls, and what those call: each of them once."""
        if self._with_callees is None:
            whole = self._alone().clone()
            callees = list(self._linking_libraries)
            seen = {self}
            while callees:
                library = callees.pop()
                if library in seen:
                    continue
                seen.add(library)
                self._reload_init.update(library._reload_init)
                if isinstance(library, _PartLibrary):
                    callees += library._linking_libraries
                    whole.link_in(library._alone(), preserve=True)
                else:
                    whole.link_in(library._get_module_for_linking(), preserve=True)
            self._with_callees = whole
        return self._with_callees

    def get_pointer_to_function(self, name):
        """Return no address: nobody calls a part from outside."""
        return 0

    @property
    def codegen(self):
        """Numba's code generator, but that a part has no Python environment to tell it of."""
        return _WithoutEnvironment(self._codegen)


class _WithoutEnvironment:
    def __init__(self, codegen):
        self._codegen = codegen

    def __getattr__(self, name):
        return getattr(self._codegen, name)

    def set_env(self, name, environment):
        pass


class _PartCompiler(Compiler):
    """Numba's compiler, its last step left out."""

    def define_pipelines(self):
        """Return Numba's own passes, to end in a library of ours."""
        if self.state.library is None:
            codegen = self.state.targetctx.codegen()
            name, inline = self.state.func_id.func_qualname, self.state.flags.forceinline
            self.state.library = _PartLibrary(codegen, name, inline)
        return [_without_idle_passes(manager) for manager in super().define_pipelines()]


def _without_idle_passes(manager):
    """All passes but the idle ones, which would look through each kernel in vain."""
    kept = PassManager(manager.pipeline_name)
    for compiler_pass, description in manager.passes:
        if compiler_pass.__name__ not in _IDLE:
            kept.add_pass(compiler_pass, description)
    kept.finalize()
    return kept


def for_all_constants(part):
    """Have a part compiled once for all constants that it is called with.

    To Numba each constant is a type of its own.
    """
    find = part.get_call_template

    def find_general(arguments, keywords):
        keywords = {name: types.unliteral(argument) for name, argument in keywords.items()}
        return find([types.unliteral(argument) for argument in arguments], keywords)

    part.get_call_template = find_general
    return part


# Where Numba is another one inside, parts are compiled as all else is: the same code, in more time.
PartCompiler = _PartCompiler if all(hasattr(_Library, name) for name in _KNOWN) else Compiler
