// Starts an entry: `node src/start.mjs main`. Written in JavaScript that old versions of Node can parse, because a machine may have only
// such a version until `npm ci` has installed the right one. If something is missing, one sentence says what.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const neededMajor = 26;
const entries = {
  main: './main.ts',
  doctor: './doctor.ts',
  demo: '../dev/demo.ts',
  watch: '../dev/watch.ts',
};
const root = fileURLToPath(new URL('..', import.meta.url));
const entry = entries[process.argv[2]];

const missing = whatIsMissing();
if (missing) {
  exit(missing);
} else {
  import(entry).catch((error) => exit(whyNotStarted(error)));
}

function whatIsMissing() {
  // safeguard: report-missing-npm-ci
  if (!existsSync(join(root, 'node_modules'))) {
    return 'Turntable’s packages are not installed yet. Run this first, in the folder of Turntable:\n\n  npm ci\n';
  }
  if (Number(process.versions.node.split('.')[0]) >= neededMajor) return null;
  return (
    `Turntable needs Node ${neededMajor}, and this is ${process.versions.node}. npm ci brings the right one, and the commands of npm then use it:\n\n` +
    '  npm ci --include=optional --ignore-scripts=false\n'
  );
}

function whyNotStarted(error) {
  // safeguard: report-missing-packages
  if (error.code === 'ERR_MODULE_NOT_FOUND') {
    return `Turntable’s packages are not complete. Run this first, in the folder of Turntable:\n\n  npm ci\n\n(${error.message})`;
  }
  // Its message may quote what it was given.
  const place = /(src|dev|simulator)\/[\w./-]+:\d+/.exec(error.stack || '');
  // safeguard: hide-unforeseen-error-messages
  return `Turntable could not start: ${error.code || error.name}${place ? ` at ${place[0]}` : ''}. This is a fault in Turntable; please report it.`;
}

function exit(sentence) {
  console.error(sentence);
  process.exit(1);
}
