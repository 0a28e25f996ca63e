"""As a Rust extension that panics: pyo3's PanicException is no Exception."""


class PanicException(BaseException):
    pass


raise PanicException("the device is gone")
