/*
 * Shows a page of this site, instead of the browser's own, if the server can't be reached. It keeps only that page and the files it needs,
 * never anything from Spotify or about anyone, and everything else goes to the network as if it weren't there.
 */
// Beside this script, wherever the site is on its host. Caches belong to the whole host.
const page = 'offline';
const cacheName = `offline${new URL(registration.scope).pathname.slice(0, -1)}`;

addEventListener('install', (event) => event.waitUntil(store()));
addEventListener('activate', (event) => event.waitUntil(registration.navigationPreload?.enable()));

/** Stores the page with its style, fonts, pictures and scripts, whose addresses contain their versions. */
async function store() {
  await caches.delete(cacheName);
  const cache = await caches.open(cacheName);
  const { text, urls } = await load(page, cache, /(?:href|src)="(\/[\w./~-]+\.(?:css|js|svg|png)[^"#]*)/g);
  if (!text) throw new Error('The page for no connection could not be loaded');
  for (const url of urls) await load(url, cache, /url\("([^"]+)"\)/g);
  await skipWaiting();
}

/** Stores one file, and those that a style sheet names. */
async function load(url, cache, pattern) {
  // Without cookies, the page is the same for everyone.
  const response = await fetch(url, { credentials: 'omit' });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  await cache.put(url, response.clone());
  const text = await response.text();
  const urls = [...new Set([...text.matchAll(pattern)].map(([, found]) => found))];
  if (url.includes('.css')) await cache.addAll(urls);
  return { text, urls };
}

addEventListener('fetch', (event) => {
  const { request, preloadResponse } = event;
  if (request.method !== 'GET' || new URL(request.url).origin !== location.origin) return;
  if (request.mode === 'navigate') event.respondWith(navigate(request, preloadResponse));
  // The stored page needs its files at a time when nothing else can be loaded.
  else if (['style', 'script', 'font', 'image'].includes(request.destination))
    event.respondWith(fetch(request).catch(() => stored(request)));
});

async function navigate(request, preloadResponse) {
  try {
    return (await preloadResponse) ?? (await fetch(request));
  } catch {
    return stored(page);
  }
}

async function stored(request) {
  return (await caches.match(request, { cacheName })) ?? Response.error();
}
