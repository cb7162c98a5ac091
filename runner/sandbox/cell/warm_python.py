# A Python interpreter that serves programs: each gets a fork of it, in a sandbox of its own.
# Arguments: the descriptor of the serving library, that of the host, the modules to import.
def _serve():
    import ctypes
    import gc
    import importlib
    import os
    import sys

    library, control, *modules = sys.argv[1:]
    for module in modules:
        importlib.import_module(module)
    # PyDLL keeps the interpreter's lock over the fork, as os.fork does.
    cell = ctypes.PyDLL("/proc/self/fd/" + library)
    cell.peira_cell_argument.restype = ctypes.c_char_p
    os.close(int(library))
    after_fork = ctypes.pythonapi.PyOS_AfterFork_Child
    gc.collect()
    gc.freeze()

    cell.peira_cell_serve(int(control))

    # From here on this is the program's process. It finds what an interpreter of its own would show.
    after_fork()
    arguments = []
    while (argument := cell.peira_cell_argument(len(arguments) + 1)) is not None:
        arguments.append(os.fsdecode(argument))
    sys.orig_argv = [sys.executable, *arguments]
    sys.argv = arguments
    script = os.path.abspath(arguments[0])
    sys.path[0] = os.path.dirname(script)
    if os.environ.get("PWD") == "/":
        del os.environ["PWD"]  # bubblewrap's
    main = sys.modules["__main__"].__dict__
    builtins = main["__builtins__"]
    main.clear()
    main.update(__name__="__main__", __doc__=None, __package__=None, __loader__=None,
                __spec__=None, __annotations__={}, __builtins__=builtins, __file__=script,
                __cached__=None)
    del ctypes, gc, importlib, after_fork, module, modules
    cell.peira_cell_started()
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.stderr.write(f"{sys.executable}: can't open file {script!r}: {error}\n")
        sys.exit(2)
    try:
        exec(compile(source, script, "exec", dont_inherit=True), main)
    except SystemExit:
        raise
    except BaseException as error:
        # Without the frames of this function.
        trace = error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)


_serve()
