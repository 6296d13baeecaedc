// Every suite of our ESP plane against strongSwan's own ESP in user space (libipsec), in both directions.
import assert from 'node:assert/strict';
import { until } from './poll.ts';
import { INNER } from './scene.ts';
import { story } from './story.ts';

/** Spelling in a proposal, and charon's words for it. */
const SUITES = [
  ['aes128-sha256', 'AES_CBC', '128', 'HMAC_SHA2_256_128'],
  ['aes256-sha384', 'AES_CBC', '256', 'HMAC_SHA2_384_192'],
  ['aes256-sha512', 'AES_CBC', '256', 'HMAC_SHA2_512_256'],
  ['chacha20poly1305', 'CHACHA20_POLY1305', undefined, undefined],
] as const;

for (const [esp, encryption, size, integrity] of SUITES) {
  story(`ES2-1: ESP ${esp} with strongSwan carries small, full and fragmented packets both ways`, {}, async (stage) => {
    const ike = 'aes256-sha256-x25519';
    const swan = await stage.swan('hub', { ike, esp });
    const ours = await stage.mobiked('router', { ike, esp });
    await ours.event('connection.established', 0);
    const sa = await until('charon shows its child', async () => {
      const found = await swan.sa();
      return found.children.length > 0 && found;
    });
    const [child] = sa.children;
    assert.deepEqual([child?.['encr-alg'], child?.['encr-keysize'], child?.['integ-alg']], [encryption, size, integrity]);
    for (const [end, address, octets] of [['router', INNER.hub, 200], ['hub', INNER.router, 1300], ['router', INNER.hub6, 1200], ['hub', INNER.router6, 3000]] as const) {
      const stream = await stage.scene.echo(end, address, { rate: 100, size: octets });
      await stream.flowing(20, 0, 8000);
      await stream.stop();
    }
  });
}
