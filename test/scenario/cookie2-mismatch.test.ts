import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds } from '../../src/base/index.ts';
import type { CryptoSuite } from '../../src/crypto/index.ts';
import { play, suite, untilRest } from './stage.ts';

/** A hub that, while `lying`, echoes another COOKIE2 (notify 16401) than it was sent, under valid protection. */
function liar(): { suite: CryptoSuite; lying: boolean } {
  const it = {
    lying: false,
    suite: {
      ...suite,
      aead(name, key) {
        const real = suite.aead(name, key);
        return {
          open: (nonce, aad, sealed) => real.open(nonce, aad, sealed),
          wipe: () => real.wipe(),
          seal(nonce, aad, plaintext) {
            const bytes = plaintext.slice();
            // IKE only: 28 octets of header come before the SK header. Notify type 16401 is 0x4011, after protocol 0 and SPI size 0.
            const isCookie2 = (i: number): boolean => bytes[i] === 0 && bytes[i + 1] === 0 && bytes[i + 2] === 0x40 && bytes[i + 3] === 0x11;
            if (it.lying && aad.length === 32) for (let i = 0; i + 12 < bytes.length; i++) if (isCookie2(i)) bytes[i + 5] = (bytes[i + 5] ?? 0) ^ 1;
            return real.seal(nonce, aad, bytes);
          },
        };
      },
    } satisfies CryptoSuite as CryptoSuite,
  };
  return it;
}

test('M3.7-4: the hub answers UPDATE_SA_ADDRESSES with another COOKIE2: the IKE SA is closed, and made anew once it is honest', () => {
  const hub = liar();
  const stage = play({ seed: 400, hubSuite: hub.suite });
  const { world, router } = stage;
  hub.lying = true;
  world.link('isp1').unplug();
  world.runUntil(() => router.all('connection.closed').length > 0, seconds(2), 'the end of the IKE SA');
  assert.match(router.all('connection.closed')[0]?.reason ?? '', /COOKIE2/);
  hub.lying = false;
  world.runUntil(() => router.up, seconds(10), 'a new tunnel');
  world.runFor(seconds(5));
  untilRest(stage);
});
