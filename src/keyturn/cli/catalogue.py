"""``keyturn catalogue``: what tools do to the world, what is known of one's own, and why a call counts as it does."""

import difflib
from pathlib import Path
from typing import Any

import click

from keyturn.catalogue import Catalogue
from keyturn.catalogue.outlook import plain_facts
from keyturn.cli.catalogue_draft import draft
from keyturn.cli.catalogue_review import review
from keyturn.cli.plain import QUARANTINED, RUNS, plain
from keyturn.config import PolicySettings, read_config
from keyturn.core.action import ToolRef
from keyturn.core.canonical import parse_json
from keyturn.core.facts import Facts
from keyturn.core.operation import EVERYTHING
from keyturn.core.profile import Basis, Profile, Stage
from keyturn.errors import InvalidArguments, InvalidJson, NotFound
from keyturn.packs import PACKS
from keyturn.policy_files import load_policy

CONFIG = click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path), help="The upstreams and own files of this configuration."
)
_STAGES = {Stage.ANALYSE: "only reads", Stage.RECORD: "writes a note in the case", Stage.RESPOND: "changes something"}


@click.group()
def catalogue() -> None:
    """What tools do to the world, as far as somebody looked."""


catalogue.add_command(draft)
catalogue.add_command(review)


@catalogue.command()
@click.argument("tool")
@click.argument("arguments", default="")
@click.option("--pack", type=click.Choice(PACKS), default="standard", show_default=True, help="The policy to ask.")
@click.option("--object", "objects", multiple=True, help="What the mandate names: SERVER/TOOL or kind:id.")
@CONFIG
def explain(tool: str, arguments: str, pack: str, objects: tuple[str, ...], path: Path | None) -> None:
    """Say what a call of TOOL (SERVER/NAME) with ARGUMENTS (a JSON object) counts as, and why.

    SERVER is a server's name in the catalogue, or an upstream of the configuration. Without ARGUMENTS: the tool at its
    gravest. The verdict is for a first call under a mandate that covers it and names nothing sensitive but --object.
    """
    known, servers = _known(path)
    ref, server = _found(known, servers, tool)
    given = _arguments(arguments)
    at_worst = known.profile(server, ref.name)
    profile = known.profile(server, ref.name, given) if given else at_worst
    facts = plain_facts(profile, ref, given, objects=objects)
    verdict = load_policy(PolicySettings(pack=pack)).decide(facts)
    draft_of = ref.upstream if ref.upstream in servers else ""
    lines = _told(ref, profile, facts, _unprofiled(known, ref.name, server, draft_of))
    if (at_worst.stage, at_worst.reversible, at_worst.touches) != (profile.stage, profile.reversible, profile.touches):
        lines.append(f"  at worst   {_kind(at_worst)}")
    lines.append(f"  so         under the {pack} pack, and a mandate that covers it, it {RUNS[verdict.word]}")
    lines += [f"             {plain(reason.why)} [{plain(reason.policy)}]" for reason in verdict.reasons]
    click.echo("\n".join(lines))


def _known(path: Path | None) -> tuple[Catalogue, dict[str, str]]:
    """The catalogue, and each upstream's name in it."""
    from keyturn.knowledge import FileKnowledge

    if path is None:
        return Catalogue.load(), {}
    config = read_config(path)
    knowledge = FileKnowledge.of(config)
    return knowledge.catalogue, {name: knowledge.server(name) or name for name in config.upstreams}


def _found(known: Catalogue, upstreams: dict[str, str], tool: str) -> tuple[ToolRef, str]:
    """The tool, and its server's name in the catalogue; both may hold slashes, so every way to cut is tried."""
    cuts = [(tool[:at], tool[at + 1 :]) for at, letter in enumerate(tool) if letter == "/"]
    for server, name in cuts:
        if known.knows(upstreams.get(server, server), name):
            return ToolRef(server, name), upstreams.get(server, server)
    for server, name in cuts:
        if server in upstreams or known.speaks_for(server):
            return ToolRef(server, name), upstreams.get(server, server)
    name = tool.partition("/")[0]
    raise NotFound(f"no server {name[:80]!r} is known", hint=_near(known, tool))


def _near(known: Catalogue, tool: str) -> str:
    """What somebody may have meant whose server nobody knows."""
    names = [f"{listed.vendor.servers[0]}/{listed.name}" for listed in known]
    near = difflib.get_close_matches(tool, names, n=3) or [name for name in names if name.endswith(f"/{tool}")][:3]
    if near:
        return f"did you mean {', '.join(near)}?"
    word = tool.partition("/")[0]
    servers = sorted({server for listed in known for server in listed.vendor.servers})
    if len(word) > 2 and (alike := [server for server in servers if word.casefold() in server.casefold()][:5]):
        return f"the catalogue has {', '.join(alike)}"
    return "write SERVER/TOOL, with a server's name in the catalogue, or an upstream's with -c keyturn.toml"


def _unprofiled(known: Catalogue, name: str, server: str, upstream: str) -> str:
    """What to do about a tool that no file profiles: a slip of the pen, or a profile that is to be written."""
    names = [listed.name for listed in known if server in listed.vendor.servers]
    if near := difflib.get_close_matches(name, names, n=3):
        return f"nobody has profiled a tool of this name; did you mean {', '.join(near)}?"
    return f"nobody has profiled it: draft a profile with keyturn catalogue draft {upstream or 'SERVER'}"


def _arguments(text: str) -> dict[str, Any]:
    try:
        given = parse_json(text) if text else {}
    except InvalidJson as error:
        raise InvalidArguments(
            f"the arguments can't be read: {error.message}", hint='such as \'{"id": "7"}\''
        ) from None
    if not isinstance(given, dict):
        raise InvalidArguments("the arguments are no JSON object", hint='such as \'{"id": "7"}\'')
    return given


def _told(ref: ToolRef, profile: Profile, facts: Facts, unprofiled: str) -> list[str]:
    lines = [f"{plain(str(ref))}  ({profile.basis.value})", f"  counts as  {_kind(profile)}"]
    if profile.basis is Basis.UNKNOWN:
        lines.append(f"             {plain(unprofiled)}")
    elif profile.why:
        lines.append(f"  because    {plain(profile.why)}")
    targets = [f"{plain(target.kind)}:{plain(target.id, 80)}" for target in facts.targets]
    if profile.reach > len(targets):
        targets.append("no bound that can be read" if profile.reach == EVERYTHING else f"{profile.reach:,} in all")
    lines.append(f"  targets    {', '.join(targets) or 'none named'}")
    if profile.withholds:
        lines.append(f"  withheld   {plain(', '.join(profile.withholds))}: no agent sees these of the answer")
    if profile.stage is Stage.RESPOND:
        back = profile.inverse.tool if profile.inverse is not None else profile.by_hand
        lines.append(f"  way back   {plain(back) if back else 'none that is known'}")
        lines += [f"  first      {plain(step.tool)}, to keep {plain(name)}" for name, step in profile.preserve.items()]
        if profile.check is not None:
            lines.append(f"  proved by  {plain(profile.check.tool)}")
    ids = [profile.openc2, *profile.d3fend, *profile.react]
    return [*lines, f"  standards  {plain(', '.join(filter(None, ids)))}"] if any(ids) else lines


def _kind(profile: Profile) -> str:
    touches = f", touches {', '.join(sorted(profile.touches))}" if profile.touches else ""
    return f"{profile.stage.value}: {_STAGES[profile.stage]}; {profile.reversible.value}{touches}"


@catalogue.command()
@CONFIG
@click.option("--all", "everything", is_flag=True, help="Each tool, also those that a person reviewed.")
def coverage(path: Path | None, everything: bool) -> None:
    """Say which tools are reviewed, derived, unknown or quarantined, of a configuration's servers or of all packaged.

    Ends with 1 if a server does not answer, or a tool is unknown or quarantined.
    """
    from keyturn.catalogue.coverage import counted

    if path is None:
        for row in counted(Catalogue.load()):
            click.echo(
                f"{row.name:<52} {row.tools:>5} tools: {row.plain:>4} plain reads, {row.sensitive:>3} sensitive, "
                f"{row.record:>3} records, {row.respond:>4} changes; {row.reviewed:>4} reviewed"
            )
        return
    from keyturn.inspection import profiled

    rows, silent = profiled(read_config(path))
    for server in sorted({row.tool.partition("/")[0] for row in rows}):
        own = [row for row in rows if row.tool.partition("/")[0] == server]
        _server(server, own, everything, not own[0].server)
    for name in silent:
        click.echo(f"{plain(name)} does not answer, or lists no tool that can be used", err=True)
    if silent or any(row.quarantined or row.basis == Basis.UNKNOWN.value for row in rows):
        raise click.exceptions.Exit(1)


def _server(name: str, rows: list[Any], everything: bool, unnamed: bool) -> None:
    """One server's numbers, and the tools that need a look."""
    quarantined = [row for row in rows if row.quarantined]
    bases = {basis: [row for row in rows if row.basis == basis.value and not row.quarantined] for basis in Basis}
    numbers = ", ".join(f"{len(found)} {basis.value}" for basis, found in bases.items())
    click.echo(f"{plain(name)}: {len(rows)} tools, {numbers}, {len(quarantined)} quarantined")
    for row in quarantined:
        click.echo(f"  QUARANTINED  {plain(row.tool)}")
    if quarantined:
        click.echo(f"  {QUARANTINED}")
    for row in rows:
        for why in row.flags:
            click.echo(f"  LOOK         {plain(row.tool)}: {plain(why)}")
    for basis, found in bases.items():
        if everything or basis is not Basis.REVIEWED:
            for row in found:
                touches = f", touches {', '.join(row.touches)}" if row.touches else ""
                does = f"{row.stage}, {row.reversible}{touches}" if basis is not Basis.UNKNOWN else "the worst case"
                click.echo(f"  {basis.value:<11}  {plain(row.tool)}: {does}")
    if bases[Basis.UNKNOWN]:
        click.echo(f"  to profile what is unknown: keyturn catalogue draft {plain(name)}")
        if unnamed:
            click.echo(f'  or, if a file profiles it under a name: catalogue = "NAME" in [upstreams.{plain(name)}]')
