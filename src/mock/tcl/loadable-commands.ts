import { f5Commands } from '../../irule/device-commands.js';
import type { ValidEvents } from '../../irule/device-commands.js';

const handshake = ['CLIENTSSL_CLIENTHELLO', 'CLIENTSSL_CLIENTCERT', 'CLIENTSSL_HANDSHAKE'];
const serverHandshake = [
  'SERVERSSL_CLIENTHELLO_SEND',
  'SERVERSSL_SERVERHELLO',
  'SERVERSSL_SERVERCERT',
  'SERVERSSL_HANDSHAKE',
];

/**
 * F5's commands that the mock carries out beyond those that a portable rule is made of, and where each may stand
 * (clouddocs.f5.com/api/irules; that `table` is refused in RULE_INIT is measured on 21.1.0.1).
 */
const furtherCommands: ReadonlyMap<string, ValidEvents> = new Map<string, ValidEvents>([
  ['HSL::open', 'connection'],
  ['HSL::send', 'connection'],
  ['IP::addr', 'any'],
  ['SSL::extensions', [...handshake, ...serverHandshake]],
  ['SSL::handshake', [...handshake, 'CLIENTSSL_DATA', ...serverHandshake]],
  ['SSL::sni', [...handshake, 'CLIENTSSL_DATA', 'LB_SELECTED', 'SERVER_CONNECTED']],
  ['X509::extensions', 'any'],
  ['X509::pem2der', 'any'],
  ['crc32', 'any'],
  ['discard', 'connection'],
  ['domain', 'any'],
  ['md5', 'any'],
  ['sha1', 'any'],
  ['sha256', 'any'],
  ['substr', 'any'],
  ['table', 'connection'],
]);

/** Where a command of F5 may stand; undefined for one that the mock does not carry out. */
export function validEventsOf(command: string): ValidEvents | undefined {
  return f5Commands.get(command) ?? furtherCommands.get(command);
}
