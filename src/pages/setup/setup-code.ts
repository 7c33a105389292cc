import { createHash, randomInt, timingSafeEqual } from 'node:crypto';

export type SetupCode = ReturnType<typeof createSetupCode>;

/** Letters and digits that can't be confused in any font. */
const alphabet = 'ABCDEFGHJKMNPQRSTVWXYZ23456789';
const length = 8;
/** With ten guesses at 30^8 codes, the chance of success is about 1 in 66 billion. */
const maxWrongCodes = 10;

/** Creates a code that shows that whoever enters it can read the terminal. It isn't stored, and is valid for as long as this process. */
export function createSetupCode() {
  const code = Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
  const expected = hash(code);
  let wrongCodes = 0;

  return {
    /** The code as it is printed. */
    text: `${code.slice(0, length / 2)}-${code.slice(length / 2)}`,

    /** Compares what someone entered with the code. After ten wrong ones, not even the right one is accepted: `closed`. */
    check(entered: string): 'right' | 'wrong' | 'closed' {
      // safeguard: limit-code-attempts
      if (wrongCodes >= maxWrongCodes) return 'closed';
      if (timingSafeEqual(hash(entered.toUpperCase().replace(/[\s-]/g, '')), expected)) return 'right';
      wrongCodes += 1;
      return 'wrong';
    },
  };
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
