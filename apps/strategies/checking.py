"""A definition held against the language and against the providers there are, before it is saved."""

from collections.abc import Iterator

from msgspec import Struct

from apps.providers.offers import CATALOGUE, SCRIPT_TAG, Catalogue
from apps.strategies.definition import Definition, DefinitionError, lint_definition, parse_definition
from apps.strategies.expression import CandidateFacts
from apps.strategies.profiles import model_facts


class Checked(Struct, frozen=True):
    """A definition that may be saved, and what in it has no effect today."""

    definition: Definition
    warnings: tuple[DefinitionError, ...]


def check_definition(raw: object) -> Checked:
    """Parse, compile and compare with the catalogue. Raises DefinitionError."""
    definition = parse_definition(raw)
    findings = lint_definition(definition, known_candidates())
    if findings.errors:
        raise findings.errors[0]
    return Checked(definition, findings.warnings)


def warnings_of(raw: object) -> tuple[DefinitionError, ...]:
    """What is wrong with a stored definition today: it may be older than the language or the catalogue."""
    try:
        findings = lint_definition(parse_definition(raw), known_candidates())
    except DefinitionError as error:
        return (error,)
    return findings.errors + findings.warnings


def known_candidates() -> list[CandidateFacts]:
    """Every chat model of every provider, disabled ones too; nothing while this process has no catalogue."""
    return list(_candidates(CATALOGUE.value)) if CATALOGUE.loaded else []


def _candidates(catalogue: Catalogue) -> Iterator[CandidateFacts]:
    for provider in catalogue.providers.values():
        for model in provider.models:
            if model.serves("chat", provider.preset) and SCRIPT_TAG not in model.tags:
                yield model_facts(provider.name, model.name, provider.tags + model.tags, model)
