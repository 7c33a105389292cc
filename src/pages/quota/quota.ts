import { Router } from 'express';
import type { QuotaLedger } from '../../access/quota-ledger.ts';
import { quotaSummary } from '../../access/quota-summary.ts';
import { routes } from '../../routes.ts';
import type { SignedIn } from '../../web/signed-in.ts';

type Deps = { signedIn: SignedIn; ledger: QuotaLedger; dailyCalls: number; now: () => number };

/** The quota as far as it is known, for programs. Makes no call to Spotify. */
export function quotaPages({ signedIn, ledger, dailyCalls, now }: Deps): Router {
  const router = Router();
  router.get(
    routes.quota(),
    signedIn.pageWithLazyRefresh(async (_req, res) => {
      const summary = quotaSummary(await ledger.read(), dailyCalls, now());
      res.set('Cache-Control', 'private, no-store').json(summary);
    }),
  );
  return router;
}
