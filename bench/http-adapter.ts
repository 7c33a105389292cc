import axios from 'axios';

/*
 * Loaded first by a process whose calls go through another adapter of axios: `http`, `fetch`, or `undici`, in the variable HTTP_ADAPTER. To test the
 * bounds of calls with it:
 *
 *   HTTP_ADAPTER=fetch node --import=./bench/http-adapter.ts --test --test-global-setup=test/support/global-setup.ts \
 *     test/access/spotify-faults.test.ts
 */
const name = process.env.HTTP_ADAPTER ?? 'http';
axios.defaults.adapter = name === 'undici' ? (await import('./undici-adapter.ts')).undiciAdapter : name;
