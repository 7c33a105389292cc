// Removes the notice from the address: loading the page again, or sharing the address, shouldn't show it again.
const url = new URL(location);
for (const name of ['notice', 'at', 'undo', 'about']) url.searchParams.delete(name);
history.replaceState(history.state, '', url);
