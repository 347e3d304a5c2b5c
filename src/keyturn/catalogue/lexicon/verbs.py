"""The verbs that :mod:`keyturn.catalogue.lexicon` knows, and what each says of the way back.

Judged by docs/spec/catalogue.md ("How we judge"). A word that is in no list explains nothing, and what nothing explains
counts as the worst case: a missing word costs a needless hold, a wrong one may cost more.
"""

from keyturn.core.profile import Reversible


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


READS = _words(
    "aggregate analyse analyze assess calculate check compare correlate count decode defang describe determine"
    " detonate diff display encode enrich enumerate estimate evaluate explain extract fetch fetches filter find"
    " finds geolocate get gets has identify inspect introspect is list lists look lookup nslookup obtain parse ping"
    " predict preview queries query read recommend retrieve retrieves reverse search searches show shows suggest"
    " summarise summarize translate unshorten validate view wait whoami whois"
)
"""Verbs that only look. Each may still look at what is sensitive."""
READS_TOO = _words("check count filter list lists lookup preview queries query reverse search searches view")
"""Of these, those that may be nouns as well: at a name's end they are the verb only behind nouns that are known."""
SEARCHES = _words("lookup query search")
"""At a name's end these are the verb, whatever stands before them."""
LAST_WORDS = _words(
    "breakdown count counts detail details distribution geolocation health info information inventory metadata"
    " overview prevalence ranking report reputation schema score statistics stats status summary trend trends"
    " verdict version whois"
)
"""At the end of a name without any verb they say that it looks something up."""
LISTING = frozenset({"enumerate", "list", "lists"})
"""Verbs that read the names of things, not what is in them."""
PROBES = (("ping",), ("test", "connectivity"), ("test", "connection"), ("health", "check"), ("check", "health"))
"""A name that ends so asks whether the other side is there, whatever its other words say."""
ASKED_ABOUT = frozenset(
    (verb, noun)
    for verb in ("submit", "detonate", "scan", "analyze", "check")
    for noun in ("hash", "url", "md5", "sha1", "sha256")
)
"""A verb and the last word of a name: an indicator that is given to a service for its judgement."""
JOINTS = _words("also and or plus then with")
"""Behind one of these a word that may be a verb is one."""
UNDOABLE = _words(
    "activate add allow allowlist append assign associate attach ban bind blacklist block blocklist create"
    " deisolate deny denylist detach disassociate enable grant insert isolate join link make new pause pin"
    " register resume subscribe tag unassign unban unblock uncontain unisolate unlink unlock unpause unpin"
    " unquarantine unsubscribe unsuspend untag whitelist"
)
"""Verbs whose opposite puts the state back, where nothing of weight stays."""
HARD = _words(
    "ack acknowledge acquire adjust apply approve archive assume authenticate authorize backup bookmark build"
    " bypass cancel capture change checkin claim clone close collect configure connect contain copy correct"
    " deactivate deauthorize decline decrease demote deploy deregister disable disconnect dismiss download downloads"
    " edit enroll enter escalate exclude expire export extend follow generate hold ignore import increase initiate"
    " install issue label lift lock log login logout manage mark migrate mitigate modify monitor move mute offboard"
    " onboard open order override park patch promote provision pull push put quarantine rate redo refresh regenerate"
    " reject release remediate remove removes rename reopen replace request rerun rescan reset resolve respond"
    " restore retry revert revoke rollback rotate save scan schedule set setup share snapshot snooze star start stop"
    " store submit suppress suspend switch sync take takeover toggle track transfer tune unarchive unassociate"
    " unclaim unenroll unfollow uninstall unlabel unmark unmute unregister unset unstar unwatch update upgrade"
    " upload upsert vote watch write"
)
"""Verbs that need the state before to be taken back, or leave something behind."""
FINAL = _words(
    "action alert ask attack broadcast call clear command comment control cordon decommission delete deletes"
    " destroy do drain drop email empty erase evict execute executes exploit expunge factory flush format forward"
    " fuzz handle ingest inject invoke kill launch mail merge message note notify nuke overwrite page perform post"
    " process publish purge reboot reply report restart retire run runs send sends shred shutdown sign sinkhole"
    " spray terminate trash trigger truncate wipe zap"
)
"""Verbs that nothing takes back, or that do whatever they are told."""
NOUNS_TOO = _words(
    "action activate alert allow allowlist apply archive attack authenticate backup blacklist block blocklist build"
    " call capture change clear clone close collect command comment connect contain control copy deny denylist"
    " deploy download downloads email escalate exclude exploit export factory format forward handle hold import"
    " ingest install issue join label launch link lock log login mail make mark message mitigate monitor move mute"
    " new note open order override page patch post process pull push quarantine rate release remediate replace reply"
    " report request reset resolve restart restore run scan schedule set share sign snapshot star start stop store"
    " submit suspend sync tag take track transfer trigger update upgrade upload vote watch whitelist"
)
"""Of the verbs that change something, those that may be nouns or states behind one that reads: `list_blocks`."""
MOSTLY_NOUNS = _words(
    "action alert allowlist archive attack backup blacklist blocklist build command comment control denylist"
    " email exploit factory issue label log mail message note page post process report request snapshot store tag"
    " whitelist"
)
"""Of these, those that are nouns before a verb that reads as well: `alert_list`, `email_search`."""
LOSING = _words(
    "clear decommission delete deletes destroy drop empty erase expunge flush format kill merge overwrite purge"
    " reboot restart retire shred shutdown terminate trash truncate wipe"
)
"""What they are done to is lost, so it may be evidence."""
SHOWING = _words("acquire collect copy download downloads export forward save send sends share submit upload")
"""They take what they are done to somewhere else."""
UNLIMITED = _words("action call execute executes invoke launch perform run runs trigger")
"""What they touch is up to what they are given."""
MAKING = _words("add create insert make new post publish put submit write")
SAID = _words("comment email mail message post reply")
"""What is said to somebody once it is made."""
DESCRIBED = _words(
    "acknowledge activate add adjust allow apply approve archive ask assign attach ban block cancel change clear"
    " close contain create deactivate delete deny deploy deregister destroy detach disable disallow disconnect"
    " dismiss drop edit email enable enroll erase escalate evict export forward generate grant import ingest"
    " initiate insert install invoke isolate join kill lift link lock make manage merge message modify move mute"
    " notify overwrite permit post provision publish purge push put quarantine reboot reconnect register reject"
    " release remove removes rename replace reply reset resolve respond restart restore restrict revert revoke"
    " rotate save schedule send set shutdown snooze star start stop suppress suspend sync terminate transfer trigger"
    " truncate unarchive unassign unblock uninstall unisolate unlock unquarantine unregister unset unstar update"
    " upload whitelist wipe write"
)
"""Verbs that a description need only say to be believed."""
UNBOUNDED = _words("arbitrary irreversible irreversibly irrevocably permanently")
"""Words of a description for what nobody bounds."""
REVERSIBILITY: dict[str, Reversible] = {
    **dict.fromkeys(UNDOABLE, Reversible.REVERSIBLE),
    **dict.fromkeys(HARD, Reversible.HARD),
    **dict.fromkeys(FINAL, Reversible.IRREVERSIBLE),
}
"""Every verb that changes something."""
