"""Mappings whose keys the format fixes: the file itself, steps, and parts of them."""

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from typing import Any

from wumai_testing.scenario.context import Context, nearest
from wumai_testing.scenario.kinds import Kind, Schema
from wumai_testing.scenario.yaml_source import Mapping, Node


@dataclass(frozen=True)
class Field:
    """A key: the kind of its value, and what it is for."""

    kind: Kind
    help: str
    required: bool = False

    def schema(self) -> Schema:
        return self.kind.schema() | {'description': self.help}


Fields = AnyMapping[str, Field]


@dataclass(frozen=True)
class Table:
    """A mapping with these keys, read in the order in which they stand here."""

    fields: Fields
    example: str
    may_be_empty: bool = True
    what: str = ''
    """How messages call it; the key at which it stands otherwise."""

    def read(self, ctx: Context, node: Node, key: str) -> dict[str, Any]:
        """What was given, by key."""
        if not isinstance(node, Mapping) or not (node.entries or self.may_be_empty):
            ctx.wrong(node, key, f'a mapping such as {self.example}')
            return {}
        what = self.what or f'`{key}`'
        report_unknown(ctx, node, self.fields, f'in {what}')
        missing = [
            name for name, one in self.fields.items() if one.required and name not in node.entries
        ]
        if missing:
            listed = ' and '.join(f'`{name}`' for name in missing)
            ctx.report(node, f'{listed} missing in {what}: {self.example}')
        return read_fields(ctx, node, self.fields)

    def schema(self) -> Schema:
        schema = object_schema(self.fields)
        return schema if self.may_be_empty else schema | {'minProperties': 1}


def object_schema(fields: Fields) -> Schema:
    """The schema of a mapping with these keys alone."""
    required = [name for name, one in fields.items() if one.required]
    return {
        'type': 'object',
        'properties': {name: one.schema() for name, one in fields.items()},
        'additionalProperties': False,
    } | ({'required': required} if required else {})


def read_fields(ctx: Context, node: Mapping, fields: Fields) -> dict[str, Any]:
    """The values of those keys that are there."""
    return {
        name: one.kind.read(ctx, node.entries[name][1], name)
        for name, one in fields.items()
        if name in node.entries
    }


def report_unknown(ctx: Context, node: Mapping, known: Iterable[str], where: str) -> None:
    """Note each key that is not known, with the nearest that is."""
    known = list(known)
    for name, (key, _) in node.entries.items():
        if name not in known:
            ctx.report(key, f'unknown key `{name}` {where}{_hint(name, known)}')


def _hint(name: str, known: Iterable[str]) -> str:
    if ':' in name:
        return '; write a space after the colon'
    return nearest(name, known, 'it takes')


@dataclass(frozen=True)
class Lead:
    """A key that says what the mapping is, and the keys that may stand beside it."""

    value: Field
    beside: Fields = field(default_factory=dict)

    def fields(self, name: str) -> dict[str, Field]:
        return {name: self.value, **self.beside}


@dataclass(frozen=True)
class Choose:
    """A mapping with exactly one of these leads."""

    leads: AnyMapping[str, Lead]
    what: str
    example: str

    def read(self, ctx: Context, node: Node, key: str) -> tuple[str, dict[str, Any]]:
        """The lead, and all that was given; no lead where there is not just one."""
        if not isinstance(node, Mapping) or not node.entries:
            ctx.wrong(node, key, f'a mapping such as {self.example}')
            return '', {}
        leads = self._leads_of(node)
        if len(leads) == 1:
            return leads[0], self._read_lead(ctx, node, leads[0])
        self._report_leads(ctx, node, leads)
        return '', {}

    def _leads_of(self, node: Mapping) -> list[str]:
        """`expect` is none beside `call`, where it belongs to it."""
        present = [name for name in node.entries if name in self.leads]
        belonging = {beside for lead in present for beside in self.leads[lead].beside}
        return [name for name in present if name not in belonging]

    def _read_lead(self, ctx: Context, node: Mapping, lead: str) -> dict[str, Any]:
        fields = self.leads[lead].fields(lead)
        companions = {beside for one in self.leads.values() for beside in one.beside}
        for name, (key, _) in node.entries.items():
            if name in companions and name not in fields:
                owners = self._owners(name)
                ctx.report(key, f'`{name}` goes with {owners}, not with `{lead}`')
            elif name not in fields:
                hint = _hint(name, [*fields, *self.leads])
                ctx.report(key, f'unknown key `{name}` beside `{lead}`{hint}')
        return read_fields(ctx, node, fields)

    def _owners(self, companion: str) -> str:
        owners = [name for name, lead in self.leads.items() if companion in lead.beside]
        return ' or '.join(f'`{name}`' for name in owners)

    def _report_leads(self, ctx: Context, node: Mapping, leads: list[str]) -> None:
        keys = {name: key for name, (key, _) in node.entries.items()}
        if leads:
            listed = ' and '.join(f'`{name}`' for name in leads)
            advice = f"they don't belong together in one {self.what}; write a {self.what} for each"
            ctx.report(keys[leads[1]], f'{listed}: {advice}')
            return
        for name, key in keys.items():
            if owners := self._owners(name):
                ctx.report(key, f'`{name}` goes with {owners}, which is missing')
            else:
                ctx.report(key, f'unknown {self.what} `{name}`{_hint(name, self.leads)}')

    def schema(self) -> Schema:
        return {
            'anyOf': [
                object_schema(lead.fields(name)) | {'title': name, 'required': [name]}
                for name, lead in self.leads.items()
            ]
        }
