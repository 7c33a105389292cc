export type ResponseCache = ReturnType<typeof createResponseCache>;

type Deps = {
  now: () => number;
  /** Characters of JSON that all kept answers together may have; the oldest give way. */
  mostCharacters?: number;
};

type Answer = { value: unknown; since: number; characters: number };

/** Spotify's terms want its data fresh: nothing is kept for longer, whether or not somebody asks again. */
const longestMs = 10 * 60_000;
const tidyEveryMs = 60_000;

/**
 * What Spotify last told somebody, kept for a moment in this process, so that people who press a button twice and pages that
 * load at the same time cost one call. An answer is only ever given to the one it was made for: `whose` is a listener's account
 * id, or `everyone` for what belongs to nobody.
 */
export function createResponseCache({ now, mostCharacters = 8_000_000 }: Deps) {
  const answers = new Map<string, Answer>();
  const underWay = new Map<string, Promise<unknown>>();
  let characters = 0;

  // safeguard: cache-per-listener
  const nameOf = (whose: string, what: string) => JSON.stringify([whose, what]);

  /** Not so where it is from a time that is still to come: the clock was put back. */
  function isFresh({ since }: Answer, forMs: number): boolean {
    return since > now() - forMs && since <= now();
  }

  function drop(name: string): void {
    characters -= answers.get(name)?.characters ?? 0;
    answers.delete(name);
  }

  function keep(name: string, value: unknown): void {
    drop(name);
    const size = JSON.stringify(value ?? null).length + name.length;
    if (size > mostCharacters) return;
    answers.set(name, { value, since: now(), characters: size });
    characters += size;
    tidy();
  }

  function tidy(): void {
    // A Map keeps the order of insertion: the first is the one kept longest.
    for (const [name, { since }] of answers) {
      // safeguard: response-cache-limit
      if (characters <= mostCharacters && since > now() - longestMs) break;
      drop(name);
    }
  }
  const tidying = setInterval(tidy, tidyEveryMs).unref();

  return {
    /**
     * What `load` gave for this at most `forMs` milliseconds ago, or gives now. While it is being asked, everybody who wants the
     * same waits for the one answer; a failure is theirs too, and is not kept.
     */
    async get<T>(whose: string, what: string, forMs: number, load: () => Promise<T>): Promise<T> {
      const name = nameOf(whose, what);
      const kept = answers.get(name);
      if (kept && isFresh(kept, forMs)) return kept.value as T;

      const asking = underWay.get(name);
      if (asking) return asking as Promise<T>;
      const answer: Promise<T> = load()
        .then((value) => {
          // Where it was forgotten meanwhile, what was asked before then is not to be kept.
          if (underWay.get(name) === answer) keep(name, value);
          return value;
        })
        .finally(() => {
          if (underWay.get(name) === answer) underWay.delete(name);
        });
      underWay.set(name, answer);
      return answer;
    },

    /** What is kept and no older than that; undefined where there is nothing. */
    peek<T>(whose: string, what: string, forMs: number): T | undefined {
      const kept = answers.get(nameOf(whose, what));
      return kept && isFresh(kept, forMs) ? (kept.value as T) : undefined;
    },

    /** Forgets everything of somebody's whose name begins like this: it has just been changed. */
    forget(whose: string, what = ''): void {
      const start = nameOf(whose, what).slice(0, -2);
      for (const name of answers.keys()) if (name.startsWith(start)) drop(name);
      // safeguard: invalidate-pending-requests
      for (const name of underWay.keys()) if (name.startsWith(start)) underWay.delete(name);
    },

    close: () => clearInterval(tidying),
  };
}
