"""Hosts that look for plugins in entry-point groups of their own get the zoo's models from here, whoever provides them.

A bridge stands on cards, settings and :class:`~model_zoo_api.Detections` alone: what any provider says of itself
becomes a host's models, arguments and answers. The entry points are the contract's, so a provider is in these hosts as
soon as it is installed. No host is a dependency; nothing here is imported unless a host asks for it.
"""
