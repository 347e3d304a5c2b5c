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
            "1password akeyless apikey ark authenticator beyondtrust bitlocker bitwarden breach breached cert"
            " certificate checkout cmk combolist compromised conjur connectionstring cookie credential credentials"
            " cyberark dark darkweb dashlane delinea doppler enrollment env environment exposed hashicorp hsm"
            " installer jwk keeper key keychain keys keystore keytab keyvault kms kubeconfig kv lambda laps"
            " lastpass leak leaked leaks lockbox onepassword otp passphrase passwd password paste pin pki recovery"
            " registration safe safes saml sas secret serverless ssh stealer thycotic token totp truststore"
            " variable vault webhook"
        ),
        Touches.PRIVILEGED_DATA: words(
            "activity aggregation aql archive article artifact attachment attachments audio audit autorun"
            " behavior behaviour binary blame blob body breach breached browser cache calendar cell chat click"
            " clicks clipboard cmd code combolist command commit compromised console content conversation crash"
            " csv custody dark darkweb database datalake datamodel dataset datastore db destination detonate diff"
            " disk dlp document download drive driver dump ediscovery email eml eql esql event evidence exec"
            " explorer exposed file flow folder forensic forensics fql gist handle header history hits hold hunt"
            " hunting image image_file inbox insights interactive invoice keystroke kql kvstore lake lcql ldap"
            " lead leak leaked leaks legalhold live log login logon mail mailbox meeting memory message"
            " metric_data msg mutex netflow netstat note observed opportunity osquery output packet page pam paste"
            " payment pcap persistence photo pipe prefetch print process promql query raw recipient recording"
            " registry response retrohunt row rtr runkey sample scheduled screenshot script search sender session"
            " share sheet shell sighting sign signin signins sms soql span spl spreadsheet sql stdout stealer"
            " story storyline survey sweep table tanium telemetry thread timeline timeseries trace traffic"
            " transaction transcript udm upload uploads usb velociraptor video visited voicemail wiki wql xql yara"
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
PLAIN = words(
    "abuse acl actor addon address adversary advisory agent alarm alert allowed allowlist analyzer appliance asn"
    " asset attack balancer banner base64 benchmark bgp bios blacklist blocked blocklist board botnet branch brand"
    " build campaign capability case categories category chart check cidr classification cluster cmdb column"
    " company compliance component computer connection_status connectivity container country coverage cpe crd"
    " currency cve cvss cwe dashboard denylist dependabot dependency deployment desk detection detector device"
    " discussion dns documentation domain edl enclave endpoint engine entity epss escalation exclusion exploit"
    " exposure family favicon feature feed finding firewall flag gateway geo geolocation graph group_policy"
    " guidance guide hardware hash health hierarchy host https impact imphash incident indicator ingress instance"
    " intel intelligence interface inventory investigation ioc ip ipv4 ipv6 isolated isp issue ja3 kb kev license"
    " limit locale logo machine maintenance malop malware md5 metric milestone misconfiguration mitigation mitre"
    " model monitor mx nameserver namespace nat network networkacl node nodegroup noise ns observable offence"
    " offense oncall org organisation organization os package parser patch phishing ping platform playbook plugin"
    " pod policy port posture prevention pricing priority product project protection pulse quarantined quota range"
    " ransomware rdap recommendation regex region registrar relationship release remediation repo report_template"
    " repository reputation risk rotation route router rule ruleset sandbox scan scanner schedule score"
    " securitygroup sensor server setting severity sha1 sha256 sigma signature site sku sla slo snort software spf"
    " sprint ssdeep ssl standard statistic status subdomain subnet sum surface suricata switch tactic tag takedown"
    " taxonomy team technique template tenant theme threat ticket tier timestamp timezone tld tlp tls topology"
    " transition ttp uptime urgency uri url usage vendor verdict version vlan vm volume vpc vulnerability"
    " warninglist watchlist weakness whitelist whoami whois widget workflow worklog yara_rule zone"
)
"""Objects that anybody in the team may read: alerts, hosts, rules, indicators, settings, threat intelligence."""
FILLING = words(
    "a about across action active administrative advanced affected against agile aks all alto an and android any"
    " api are as asm associated association assurance asynchronous at attribute available aws azure based basic"
    " between both business by catalog child cloud cloudwatch combined communication connected cortex count"
    " critical cross curated current custom customization customized data date deceptive default deleted delivery"
    " detect direct discovered distribution does duplicate during each ecs eks epp error every existing express"
    " external failed field first for from full gcp general given gke global google hidden high highlight hosting"
    " how id identifier in insight installed internal into ioa it item its joiner k8 k8s label language last"
    " latest layer level linux list local low mac macos malicious managed many map match me members method"
    " microsoft missing ml mode more multiple my name new next not notification number object of old on one only"
    " open operation option or other out over override own palo parent pattern per pool potential prerequisite"
    " prevalence preview private property provided public rank ready recent recommended reference regulatory"
    " related relation report resource risky same scope secure security service set short signal similar single"
    " source specific starred stream submitted support supported system that the their them these this those time"
    " title to tool toolkit top total triage trusted type under unit unmanaged uploaded use using uuid v1 v2 v3 v4"
    " value virus visibility web when where which who windows with within without xdr"
)
"""Words beside the objects that change nothing about what is read."""
HARMLESS = frozenset(
    {
        ("account", "status"), ("actor", "profile"), ("address", "group"), ("address", "object"), ("agent", "group"),
        ("alert", "group"), ("alert", "timeline"), ("analysis", "result"), ("assessment", "result"), ("asset", "group"),
        ("center", "data"), ("check", "connection"), ("check", "result"), ("cloud", "app"), ("code", "scanning"),
        ("cluster", "certificate"),
        ("cluster", "role"), ("collection", "rule"), ("command", "status"), ("compliance", "result"),
        ("computer", "group"), ("config", "profile"), ("config", "rule"), ("content", "type"), ("correlation", "rule"),
        ("data", "group"), ("data", "table"), ("detector", "group"), ("device", "group"), ("dns", "history"),
        ("dns", "record"), ("domain", "history"), ("domain", "profile"), ("email", "address"),
        ("email", "customization"),
        ("email", "default"), ("email", "domain"), ("email", "reputation"), ("email", "setting"), ("email", "template"),
        ("endpoint", "group"), ("error", "page"), ("event", "category"), ("event", "schema"), ("event", "severity"),
        ("event", "source"), ("event", "type"), ("file", "category"), ("file", "hash"), ("file", "info"),
        ("file", "information"), ("file", "list"), ("file", "name"), ("file", "prevalence"), ("file", "related"),
        ("file", "report"), ("file", "reputation"), ("file", "statistic"), ("file", "stats"), ("file", "type"),
        ("file", "verdict"), ("hash", "hash"), ("hash", "name"), ("hash", "report"), ("hash", "reputation"),
        ("hash", "type"), ("hash", "verdict"), ("host", "group"), ("hosting", "history"), ("hunting", "rule"),
        ("in", "page"), ("incident", "timeline"), ("index", "name"), ("ip", "group"), ("ip", "history"),
        ("ip", "object"),
        ("ip", "profile"), ("key", "word"), ("landing", "page"), ("list", "file"), ("log", "collector"),
        ("log", "forwarder"), ("log", "group"), ("log", "level"), ("log", "repo"), ("log", "source"), ("log", "stream"),
        ("log", "type"), ("machine", "group"), ("model", "data"), ("next", "page"), ("object", "list"), ("out", "page"),
        ("parameter", "group"), ("passive", "dns"), ("policy", "profile"), ("preview", "page"), ("process", "status"),
        ("pull", "request"), ("query", "language"), ("query", "syntax"), ("reference", "list"), ("reference", "set"),
        ("reference", "table"), ("resource", "group"), ("response", "policy"), ("reverse", "dns"), ("reverse", "ip"),
        ("risk", "profile"), ("rule", "group"), ("scan", "history"), ("scan", "result"), ("scanner", "group"),
        ("search", "engine"), ("security", "group"), ("security", "profile"), ("sensor", "group"), ("service", "group"),
        ("service", "object"), ("sign", "in"), ("sign", "out"), ("sign", "page"), ("source", "data"),
        ("ssl", "certificate"), ("test", "connection"), ("threat", "group"), ("threat", "profile"),
        ("tls", "certificate"), ("type", "data"), ("url", "hash"), ("url", "name"), ("url", "object"),
        ("url", "report"),
        ("url", "reputation"), ("url", "type"), ("url", "verdict"), ("user", "agent"), ("value", "list"),
        ("vulnerability", "result"), ("whois", "history"),
    }
)  # fmt: skip
"""Pairs of words that take the edge off a sensitive one: names and kinds of things, not what is in them."""
BRANDS = (
    ("active", "directory"), ("any", "run"), ("bulk", "whois"), ("cb", "protection"), ("cb", "response"),
    ("check", "point"), ("cloud", "watch"), ("connect", "wise"), ("counter", "act"), ("crowd", "strike"),
    ("exchange", "extension", "pack"), ("file", "scan", "io"), ("fire", "eye"), ("live", "nation"), ("log", "point"),
    ("log", "rhythm"), ("mal", "share"), ("message", "labs"), ("secret", "server"), ("send", "grid"),
    ("service", "now"), ("sign", "sciences"), ("threat", "connect"), ("threat", "crowd"), ("tru", "star"),
    ("url", "scan", "io"),
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
