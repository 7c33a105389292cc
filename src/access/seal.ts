import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

export type Seal = ReturnType<typeof createSeal>;

/** The result of opening a sealed text: the text, or why it doesn't open. */
export type Opened = { text: string } | { text: null; why: 'unknown key' | 'corrupt' };

const cipher = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/** Returns a key of 32 bytes that is derived from a secret for one purpose, so that no key is used for two. */
export function deriveKey(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `turntable ${purpose}`, 32));
}

/** Seals texts with the first secret, and opens them with any. A sealed text is `<key id>.<iv, ciphertext and tag>`. */
export function createSeal(secrets: readonly [string, ...string[]]) {
  const keys = secrets.map((secret) => {
    const key = deriveKey(secret, 'seal');
    return { key, id: createHash('sha256').update(key).digest('base64url').slice(0, 8) };
  });
  const [first] = keys as [(typeof keys)[number]];

  return {
    /** Seals `text`. It opens only with the same `boundTo`, so that a copy elsewhere is worthless. */
    seal(text: string, boundTo: string): string {
      const iv = randomBytes(ivBytes);
      // safeguard: bind-seal-to-key
      const sealing = createCipheriv(cipher, first.key, iv).setAAD(Buffer.from(boundTo));
      const body = Buffer.concat([iv, sealing.update(text, 'utf8'), sealing.final(), sealing.getAuthTag()]);
      return `${first.id}.${body.toString('base64url')}`;
    },

    /** Opens a sealed text with the key it was sealed with. Never throws. */
    open(sealed: string, boundTo: string): Opened {
      const [id, body] = sealed.split('.', 2);
      const known = keys.find((one) => one.id === id);
      if (!known) return { text: null, why: 'unknown key' };

      const bytes = Buffer.from(body ?? '', 'base64url');
      if (bytes.length < ivBytes + tagBytes) return { text: null, why: 'corrupt' };
      const opening = createDecipheriv(cipher, known.key, bytes.subarray(0, ivBytes), {
        authTagLength: tagBytes,
      })
        // safeguard: bind-seal-to-key
        .setAAD(Buffer.from(boundTo))
        .setAuthTag(bytes.subarray(-tagBytes));
      try {
        const text =
          opening.update(bytes.subarray(ivBytes, -tagBytes), undefined, 'utf8') + opening.final('utf8');
        return { text };
      } catch {
        return { text: null, why: 'corrupt' };
      }
    },
  };
}
