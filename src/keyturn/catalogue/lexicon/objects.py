"""The objects that :mod:`keyturn.catalogue.lexicon` knows in names, and what each says.

Judged by docs/spec/catalogue.md ("How we judge"), and on the grave side: a word in doubt is sensitive, and a word that
is in no list explains nothing.
"""

from collections.abc import Mapping

from keyturn.core.profile import Touches


def words(text: str) -> frozenset[str]:
    """A list of words as people write it."""
    return frozenset(text.split())


def touching(said: Mapping[Touches, frozenset[str]]) -> dict[str, frozenset[Touches]]:
    """For each word everything that it touches."""
    every = frozenset[str]().union(*said.values())
    return {word: frozenset(touch for touch, those in said.items() if word in those) for word in every}


SENSITIVE = touching(
    {
        Touches.SECRETS: words(
            "1password accesskey akeyless apikey apitoken authenticator authorization bearer beyondtrust bitlocker"
            " bitwarden breach breached cert certificate checkout cmk combolist compromised configmap conjur"
            " connectionstring connector cookie cred credential credentials creds cyberark dark darkweb dashlane"
            " datasource delinea doppler enrollment env exposed function hashdump hashicorp honeytoken hsm idp"
            " infostealer installer integration jwk jwt keeper kerberos key keychain keys keystore keytab keyvault"
            " kms kubeconfig kv lambda laps lastpass leak leaked leaks lockbox lsass manifest mimikatz mnemonic"
            " mount ntds ntlm oauth onepassword otp passcode passkey passphrase passwd password paste pin pki"
            " privatekey psk pwned recovery registration safe safes saml sas secret seed snmp ssh stealer stolen"
            " thycotic token totp truststore variable vault webhook"
        ),
        Touches.PRIVILEGED_DATA: words(
            "activity aggregation aql archive article artifact attachment attachments audio audit autorun binary"
            " blame blob body breach breached browser cache calendar cell chat click clicks clipboard cmd code"
            " combolist command compromised console content conversation crash csv custody dark darkweb database"
            " datalake datamodel dataset datastore db destination detonate diff disk dlp document download drive"
            " driver dump ediscovery email eml eql esql event evidence exec explorer exposed file flow folder"
            " forensic forensics fql gist handle header history hits hold hunt hunting image image_file inbox"
            " interactive invoice keylog keystroke kql kvstore lake lcql ldap lead leak leaked leaks legalhold live"
            " log login logon mail mailbox meeting memory message metric_data msg mutex netflow netstat note"
            " opportunity osquery output packet page pam paste payment payroll pcap persistence phi photo pii pipe"
            " prefetch print process query raw recipient recording registry response retrohunt row rtr runkey salary"
            " sample scheduled screenshot script search sender share sheet shell sign signin signins sms soql span"
            " spl spreadsheet sql ssn stderr stdout stealer story storyline survey sweep table telemetry thread"
            " timeline timeseries trace traffic transaction transcript udm upload uploads usb velociraptor video"
            " visited voicemail wiki wql xql yara"
        ),
        Touches.IDENTITY: words(
            "account ad admin administrator authorization contact delegate department directory employee"
            " entitlement entra factor grant group iam identity ldap logged login logon manager member membership"
            " mfa okta ou owner people permission person persona principal privilege profile role session sid"
            " signin spn user username"
        ),
        Touches.EVIDENCE: words("custody disk ediscovery evidence forensics hold image_file legalhold"),
    }
)
"""Objects whose reading is sensitive."""
BRANDS = (
    ("active", "directory"), ("alien", "vault"), ("any", "run"), ("bulk", "whois"), ("cb", "protection"),
    ("cb", "response"), ("check", "point"), ("cloud", "watch"), ("connect", "wise"), ("counter", "act"),
    ("crowd", "strike"), ("cyber", "ark"), ("exchange", "extension", "pack"), ("file", "scan", "io"),
    ("fire", "eye"), ("live", "nation"), ("live", "response"), ("log", "point"), ("log", "rhythm"),
    ("mal", "share"), ("message", "labs"), ("secret", "server"), ("send", "grid"), ("service", "now"),
    ("sign", "sciences"), ("threat", "connect"), ("threat", "crowd"), ("tru", "star"), ("url", "scan", "io"),
)  # fmt: skip
"""Names of products whose words mean nothing here."""
PLURALS = {
    ("io", "cs"): "iocs", ("i", "ps"): "ips", ("ur", "ls"): "urls", ("i", "ds"): "ids", ("ac", "ls"): "acls",
    ("vm", "s"): "vms", ("cv", "es"): "cves", ("ap", "is"): "apis",
}  # fmt: skip
"""Plurals of abbreviations, which a split at capital letters takes apart."""
DATA = words(
    "base64 boolean datetime dict empty epoch equal float greater hex html integer json less lists lowercase"
    " markdown nan null regex string strings substring text timestamp uppercase urlencode uuid whitespace xml yaml"
)
"""Data that a tool is given: a name of nothing but these and :data:`PURE` works on its own input."""
PURE = words(
    "abs all and any array average between by capitalize ceil compare concat contains convert converter convertor"
    " count date days decode decoder dedupe deduplicate deserialize diff else encode encoder ends extract filter"
    " find first flat flatten floor format from generate get hash hashes hours if in indexes into is iter key last"
    " length list lower match matches max min minutes month not object objects of or pad parse parser prettify"
    " pretty print random reverse round seconds serialize size slice sort split starts strip sum than time"
    " titleize to trim unique upper value values weekday with year zip"
)
CHANGED: dict[Touches, frozenset[str]] = {
    Touches.SECRETS: words(
        "apikey cert certificate credential credentials key keyvault kv otp passphrase password pin pki secret"
        " ssh token vault"
    ),
    Touches.IDENTITY: words(
        "account admin administrator delegate employee entitlement factor group iam identity login member"
        " membership mfa ou owner password permission person principal privilege profile role session user"
    ),
    Touches.PRODUCTION: words(
        "acl address app application block branch brand bucket certificate cloud cluster computer contain"
        " container customer database deployment device dns domain endpoint firewall function gateway host image"
        " instance interface ip isolate job lambda machine namespace nat network node page pipeline pod policy"
        " port process quarantine queue reboot record release repository resource route rule security server"
        " service shutdown site snapshot stack subnet system tag_policy theme topic unblock unisolate url vlan vm"
        " volume vpc website workflow workload zone"
    ),
    Touches.DETECTION_CONTROLS: words(
        "agent alerting allow allowlist blacklist blocklist bypass collector connector denylist detection"
        " detector escalation exception exclude exclusion feed forwarder ignore indicator ioc list monitor mute"
        " oncall override parser policy reference rule sensor signature suppress suppression watchlist whitelist"
    ),
}
"""What a change of such an object touches."""
TRACES = words(
    "alert artifact attachment bucket case collection database disk document email event evidence file host"
    " incident index instance investigation log machine mail mailbox memory message object page process quarantine"
    " quarantined record sample snapshot thread ticket vm"
)
"""What may be evidence, when it is lost."""
PRIVATE = words("attachment content document email event export file forward log mail memory message pcap sample share")
"""What is private, when it is taken somewhere else."""
REMAKABLE = words(
    "acl address allowlist app application blacklist blocklist board branch brand customization dashboard"
    " denylist domain entry exception exclusion feed filter group indicator interface ioc label link list member"
    " network object override policy port record reference relationship role route rule schedule service setting"
    " sprint subnet tag template theme value vote watcher watchlist webhook whitelist widget zone"
)
"""Configuration that can be made again from what was read first."""
