import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { extensionsText } from '../../../../src/mock/certificate/extensions-text.js';
import { loadSvidVectors, vectorDer } from '../../../support/svid-vectors.js';
import { skipBecause } from '../../../support/skip.js';
import { sharedData } from '../../../support/shared-data.js';

describe('the text of a certificate’s extensions', () => {
  it('is that of OpenSSL 1.0.2, byte for byte, for every certificate of the vectors', function () {
    const folder = sharedData('svid-vectors');
    if (folder === undefined) {
      skipBecause(this, 'svid-vectors is not beside the checkout');
      return;
    }
    const differing = loadSvidVectors().filter((vector) => {
      const rendered = readFileSync(join(folder, 'rendered', 'openssl-1.0.2s', `${vector.name}.txt`));
      // An empty file stands for no extensions, of which F5 says so in words.
      const expected = rendered.length === 0 ? Buffer.from('(no extensions)') : rendered;
      return !extensionsText(vectorDer(vector)).equals(expected);
    });
    assert.deepEqual(
      differing.map(({ name }) => name),
      [],
    );
  });

  it('lets one name look like two, as devices do', () => {
    const vector = loadSvidVectors().find(({ name }) => name.startsWith('i01_'));
    assert.ok(vector !== undefined);
    assert.match(
      extensionsText(vectorDer(vector)).toString(),
      / {8}DNS:\S+, URI:spiffe:\/\/cluster\.local\/ns\/trusted\/sa\/sleep/,
    );
    assert.match(new X509Certificate(vectorDer(vector)).subjectAltName ?? '', /DNS:"/, 'in truth it is one');
  });
});
