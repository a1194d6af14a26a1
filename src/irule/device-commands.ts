/**
 * What the mock's and the lint's idea of TMM's Tcl rests on: the commands of Tcl 8.4.6 that TMM keeps, those that it
 * disables, and the F5 commands that this project knows, with the events in which they are of use.
 *
 * Sources: the measured dialect of BIG-IP 21.1.0.1 (bitwisecook/tcl-lsp), clouddocs.f5.com/api/irules.
 */
const words = (text: string): string[] => text.trim().split(/\s+/);

/** Load error `command is disabled`. */
export const disabledCommands: ReadonlySet<string> = new Set(
  words(`
    auto_execok auto_import auto_load auto_qualify cd eof exec exit fblocked fconfigure fcopy file flush gets glob
    interp load namespace open package pid pwd rename seek socket source tell time unknown update vwait
  `),
);

export const tclCommands: ReadonlySet<string> = new Set(
  words(`
    after append array binary break case catch clock concat continue error eval expr for foreach format global if incr
    info join lappend lindex linsert list llength lrange lreplace lsearch lset lsort proc puts regexp regsub return
    scan set split string subst switch trace unset uplevel upvar variable while
  `),
);

/** Commands of Tcl 8.5 and 8.6, which people reach for and TMM does not have. */
export const laterTclCommands: ReadonlySet<string> = new Set(
  words(`
    apply chan coroutine dict lassign lmap lrepeat lreverse tailcall throw try yield yieldto zlib lremove lpop ledit
  `),
);

const ssl = words(
  'CLIENTSSL_CLIENTCERT CLIENTSSL_HANDSHAKE CLIENTSSL_DATA CLIENT_CLOSED LB_SELECTED SERVER_CONNECTED',
);
const clientData = words('CLIENT_ACCEPTED CLIENT_DATA');
const serverSide = words(
  'LB_SELECTED SERVER_CONNECTED SERVER_DATA SERVER_CLOSED CLIENT_CLOSED CLIENT_DATA CLIENTSSL_DATA',
);
const connection = 'connection';
const any = 'any';

/** `any` event; any event of a `connection`, so not RULE_INIT; or these. */
export type ValidEvents = 'any' | 'connection' | readonly string[];

/** F5's commands that the mock carries out. */
export const f5Commands: ReadonlyMap<string, ValidEvents> = new Map<string, ValidEvents>([
  ['when', any],
  ['call', any],
  ['class', any],
  ['event', any],
  ['log', any],
  ['priority', any],
  ['timing', any],
  ['b64encode', any],
  ['b64decode', any],
  ['findstr', any],
  ['getfield', any],
  ['ISTATS::get', any],
  ['ISTATS::incr', any],
  ['ISTATS::remove', any],
  ['ISTATS::set', any],
  ['drop', connection],
  ['reject', connection],
  ['virtual', connection],
  ['IP::client_addr', connection],
  ['IP::local_addr', connection],
  ['IP::protocol', connection],
  ['IP::remote_addr', connection],
  ['IP::server_addr', serverSide],
  ['LB::server', serverSide],
  ['SSL::cert', ssl],
  ['SSL::cipher', ssl],
  ['SSL::collect', words('CLIENTSSL_HANDSHAKE CLIENTSSL_DATA')],
  ['SSL::payload', ['CLIENTSSL_DATA']],
  ['SSL::release', ['CLIENTSSL_DATA']],
  ['SSL::session', ssl],
  ['SSL::sessionid', ssl],
  ['SSL::verify_result', ssl],
  ['STATS::get', connection],
  ['STATS::incr', connection],
  ['STATS::set', connection],
  ['STATS::setmax', connection],
  ['STATS::setmin', connection],
  ['TCP::client_port', connection],
  ['TCP::close', connection],
  ['TCP::collect', clientData],
  ['TCP::local_port', connection],
  ['TCP::payload', ['CLIENT_DATA']],
  ['TCP::release', ['CLIENT_DATA']],
  ['TCP::remote_port', connection],
  ['TCP::server_port', serverSide],
  ['X509::hash', any],
  ['X509::issuer', any],
  ['X509::not_valid_after', any],
  ['X509::not_valid_before', any],
  ['X509::serial_number', any],
  ['X509::subject', any],
  ['X509::verify_cert_error_string', any],
  ['X509::version', any],
  ['X509::whole', any],
]);

/** Commands of the device that the mock does not carry out. */
const foreignPrefix = /^(?:[A-Z][A-Z0-9_]*)::[a-z_0-9]+$/;
const foreignCommands: ReadonlySet<string> = new Set(
  words(`
    active_members clone cpu crc32 decode_uri discard domain forward htonl htons http_cookie listen lasthop link_qos
    md5 members nexthop node ntohl ntohs persist pool rateclass redirect relate_client relate_server rmd160 session
    sha1 sha256 sha384 sha512 snat snatpool substr table translate uie urlcatquery use vlan_id whereis
  `),
);

export function isForeignCommand(name: string): boolean {
  return (foreignPrefix.test(name) && !f5Commands.has(name)) || foreignCommands.has(name);
}

/** The events that the mock's data plane fires. */
export const knownEvents: ReadonlySet<string> = new Set(
  words(`
    RULE_INIT CLIENT_ACCEPTED CLIENT_DATA CLIENT_CLOSED CLIENTSSL_CLIENTHELLO CLIENTSSL_CLIENTCERT CLIENTSSL_HANDSHAKE
    CLIENTSSL_DATA LB_SELECTED SERVER_CONNECTED
  `),
);

/** Events of the device that the mock never fires: a rule that has them loads, and they stay silent. */
export const silentEvents: ReadonlySet<string> = new Set(
  words(`
    CLIENTSSL_PASSTHROUGH CLIENTSSL_SERVERHELLO_SEND FLOW_INIT LB_FAILED LB_QUEUED PERSIST_DOWN SERVER_CLOSED SERVER_DATA
    SERVERSSL_CLIENTHELLO_SEND SERVERSSL_DATA SERVERSSL_HANDSHAKE SERVERSSL_SERVERCERT SERVERSSL_SERVERHELLO
    HTTP_CLASS_FAILED HTTP_CLASS_SELECTED HTTP_DISABLED HTTP_PROXY_REQUEST HTTP_REJECT HTTP_REQUEST HTTP_REQUEST_DATA
    HTTP_REQUEST_RELEASE HTTP_REQUEST_SEND HTTP_RESPONSE HTTP_RESPONSE_CONTINUE HTTP_RESPONSE_DATA HTTP_RESPONSE_RELEASE
    SERVER_INIT USER_REQUEST USER_RESPONSE
  `),
);

/** What a rule consists of, outside of events and procedures and only there. */
export const topCommands: ReadonlySet<string> = new Set(['when', 'proc', 'priority', 'timing']);

/** The mathematical functions of expr in Tcl 8.4, which TMM checks when it loads a rule. */
export const mathFunctions: ReadonlySet<string> = new Set(
  words(`
    abs acos asin atan atan2 ceil cos cosh double exp floor fmod hypot int log log10 pow rand round sin sinh sqrt srand
    tan tanh wide
  `),
);

export function isValidIn(events: ValidEvents, event: string): boolean {
  if (events === 'any') return true;
  if (events === 'connection') return event !== 'RULE_INIT';
  return events.includes(event);
}
