def model_zoo_providers():
    return []
