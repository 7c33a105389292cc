import { withSite } from './bench/overload-site.ts';

const T = () => new Date().toISOString().slice(17, 23);
const show = (p: string, r: any, s: number) =>
  console.log(
    T(),
    p,
    (r.goodMs.length / s).toFixed(0),
    'good/s',
    'refused',
    r.refusedMs.length,
    'late',
    r.late,
    r.wrong,
    'max refused ms',
    Math.round(Math.max(0, ...r.refusedMs)),
  );
await withSite(80, async (site) => {
  const fit = { clients: 200, seconds: 4, waitsAsTold: false, deadlineMs: 2000 };
  show('warm', await site.run(fit), 4);
  for (let i = 0; i < 1; i++) {
    show('over', await site.run({ ...fit, clients: 2000, seconds: 8 }), 8);
    show('fit', await site.run(fit), 4);
    show('fit', await site.run({ ...fit, deadlineMs: 10000 }), 4);
  }
});
process.exit();
