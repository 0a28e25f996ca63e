from model_zoo_api import hookimpl


class PanicException(BaseException):
    pass


@hookimpl
def model_zoo_providers():
    raise PanicException("the device is gone")
