import { parseKey } from '../../certificate/key-facts.js';
import { textOf } from '../../json.js';
import type { JsonObject } from '../../json.js';
import { certKeyChainOf } from '../../resources/client-ssl.js';
import type { View } from '../../resources/resource-kind.js';
import { certificatesOf } from '../../resources/ssl-cert.js';
import { isAtLeast } from '../../tmos-version.js';
import type { ConfigObject } from '../configuration.js';
import { mcpdRefusal } from '../refusal.js';

/** Refuses a profile whose key does not belong to its certificate, in whichever way either got there. */
export function checkKeyPairs(view: View): void {
  for (const profile of view.configuration.list('ltm/profile/client-ssl')) {
    const entries = certKeyChainOf(profile, view);
    for (const entry of entries) checkPair(profile, entry, view);
    const keyTypes = entries.map((entry) => certificateOf(entry, view)?.keyType);
    const isServer = entries.some((entry) => (entry['usage'] ?? 'SERVER') === 'SERVER');
    if (isServer && !isAtLeast(view.tmos, '14.0') && !keyTypes.includes('rsa-public')) {
      throw mcpdRefusal('010717e3', 'Client SSL profile must have RSA certificate/key pair.');
    }
  }
  for (const profile of view.configuration.list('ltm/profile/server-ssl')) {
    const pair = {
      cert: view.effective(profile, 'cert') ?? 'none',
      key: view.effective(profile, 'key') ?? 'none',
    };
    if (pair.cert !== 'none' && pair.key !== 'none') checkPair(profile, pair, view);
  }
}

function checkPair(profile: ConfigObject, entry: JsonObject, view: View): void {
  const certificate = certificateOf(entry, view);
  const keyObject = view.configuration.get('sys/file/ssl-key', textOf(entry['key']));
  if (certificate === undefined || keyObject?.content?.type !== 'key') return;
  const passphrase = passphraseOf(profile, entry, view);
  const hash =
    keyObject.content.key.publicKeyHash ??
    (passphrase === undefined ? undefined : parseKey(keyObject.content.pem, passphrase)?.publicKeyHash);
  const [name, key, cert] = [profile.name.fullPath, textOf(entry['key']), textOf(entry['cert'])];
  if (hash === undefined) {
    throw mcpdRefusal(
      '01070313',
      `Error reading key PEM file ${key} for profile ${name}: ` +
        `error:0906A068:PEM routines:PEM_do_header:bad password read`,
    );
  }
  if (hash === certificate.publicKeyHash) return;
  throw mcpdRefusal(
    '01070317',
    isAtLeast(view.tmos, '14.0')
      ? `profile ${name}'s key(${key}) and certificate(${cert}) do not match.`
      : `profile ${name}'s key and certificate do not match`,
  );
}

function passphraseOf(profile: ConfigObject, entry: JsonObject, view: View) {
  const path = `certKeyChain/${textOf(entry['name'])}/passphrase`;
  const parent = view.configuration.get(profile.kind, textOf(profile.own['defaultsFrom']));
  return profile.secrets[path] ?? parent?.secrets[path];
}

function certificateOf(entry: JsonObject, view: View) {
  const object = view.configuration.get('sys/file/ssl-cert', textOf(entry['cert']));
  return object === undefined ? undefined : certificatesOf(object)[0];
}
