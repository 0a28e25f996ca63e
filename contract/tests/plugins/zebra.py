"""A plugin that is installed beside whatever else a test installs."""

from model_zoo_api import Licence, ModelCard, ModelProvider, hookimpl


@hookimpl
def model_zoo_providers():
    yield ModelProvider(
        name="zebra",
        api_version=1,
        models=(
            ModelCard(name="zebra_s", task="detect", input_size=(64, 64)),
            ModelCard(
                name="zebra_l",
                task="detect",
                input_size=(64, 64),
                licence=Licence(name="Apache-2.0", url="https://www.apache.org/licenses/LICENSE-2.0"),
            ),
        ),
        loader="acme_zebra:load",
    )


def load(source, *, card=None, **options):
    return source
