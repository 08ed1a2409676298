"""Other engines for the same model, each optional: one that is missing or refuses a model is named so."""

import ctypes
from collections.abc import Callable

import numpy as np
from models import CACHE, Floats, Model

Predict = Callable[[Floats], object]


class Absent(Exception):
    """A peer that cannot take part, and why."""


def lightgbm(model: Model) -> Predict:
    """Booster.predict with one thread."""
    return lambda X: model.booster.predict(X, num_threads=1)


def lleaves(model: Model) -> Predict:
    """Trees compiled by LLVM; compiling takes minutes, the result is kept."""
    try:
        import lleaves as package
    except ImportError as fault:
        raise Absent("lleaves is not installed") from fault
    if model.plan.name == "C":
        raise Absent("lleaves takes more than an hour to compile model C")
    compiled = package.Model(model_file=str(model.text_path))
    compiled.compile(cache=str(CACHE / f"{model.plan.name}.lleaves"))
    return lambda X: compiled.predict(X, n_jobs=1)


def onnxruntime(model: Model) -> Predict:
    """ONNX's tree ensemble in float32, one thread."""
    try:
        import onnxruntime as runtime
        from onnxmltools import convert_lightgbm
        from onnxmltools.convert.common.data_types import FloatTensorType
    except ImportError as fault:
        raise Absent("onnxruntime and onnxmltools are not installed") from fault
    path = CACHE / f"{model.plan.name}.onnx"
    if not path.exists():
        shape = [("input", FloatTensorType([None, model.plan.features]))]
        path.write_bytes(
            convert_lightgbm(model.booster, initial_types=shape, zipmap=False).SerializeToString()
        )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda X: session.run(None, {name: X.astype(np.float32)})


def tl2cgen(model: Model) -> Predict:
    """Trees as C code, compiled by the system's compiler; kept."""
    try:
        import tl2cgen as package
        import treelite
    except ImportError as fault:
        raise Absent("tl2cgen and treelite are not installed") from fault
    if model.plan.name != "A":
        raise Absent("tl2cgen's code for models B and C takes the compiler 10 to 30 minutes")
    path = CACHE / f"{model.plan.name}.tl2cgen.so"
    if not path.exists():
        trees = treelite.frontend.load_lightgbm_model(str(model.text_path))
        package.export_lib(trees, toolchain="gcc", libpath=str(path), params={"parallel_comp": 16})
    predictor = package.Predictor(str(path), nthread=1)
    return lambda X: predictor.predict(package.DMatrix(X, dtype="float64"))


def daal4py(model: Model) -> Predict:
    """Intel's oneDAL, one thread."""
    try:
        import daal4py as package
    except ImportError as fault:
        raise Absent(f"daal4py cannot be imported: {str(fault)[:80]}") from fault
    package.daalinit(1)
    converted = package.mb.convert_model(model.booster)
    return lambda X: converted.predict_proba(X) if model.plan.classes > 1 else converted.predict(X)


ALL: dict[str, Callable[[Model], Predict]] = {
    "LightGBM": lightgbm,
    "lleaves": lleaves,
    "onnxruntime": onnxruntime,
    "tl2cgen": tl2cgen,
    "daal4py": daal4py,
}


def ready(model: Model) -> tuple[dict[str, Predict], dict[str, str]]:
    """Return the peers that answer for this model, and why the others do not."""
    able: dict[str, Predict] = {}
    absent: dict[str, str] = {}
    for name, make in ALL.items():
        try:
            predict = make(model)
            predict(model.rows[:3])
        except Absent as reason:
            absent[name] = str(reason)
        except Exception as fault:  # noqa: BLE001  whatever a peer raises is its result for this model
            absent[name] = f"refuses model {model.plan.name}: {type(fault).__name__}: {str(fault)[:120]}"
        else:
            able[name] = predict
    return able, absent


def fast_single_row(model: Model) -> Callable[[ctypes.c_void_p], float]:
    """LightGBM's own fast path for single rows (its C API, everything prepared beforehand), by ctypes."""
    from lightgbm.basic import _LIB as library  # type: ignore[attr-defined]

    booster, config = model.booster, ctypes.c_void_p()
    normal, double = 0, 1
    fault = library.LGBM_BoosterPredictForMatSingleRowFastInit(
        booster._handle, ctypes.c_int(normal), ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_int(double),
        ctypes.c_int32(model.plan.features), b"num_threads=1", ctypes.byref(config),
    )  # fmt: skip
    if fault:
        raise Absent("LightGBM's FastInit failed")
    length, out = ctypes.c_int64(), (ctypes.c_double * model.plan.classes)()
    call = library.LGBM_BoosterPredictForMatSingleRowFast
    length_at, out_at = ctypes.byref(length), ctypes.byref(out)

    def predict(address: ctypes.c_void_p) -> float:
        call(config, address, length_at, out_at)
        return out[0]

    return predict
