from model_zoo_api import hookimpl


@hookimpl(wrapper=True)
def model_zoo_providers():
    found = yield
    return [[] for _ in found]
