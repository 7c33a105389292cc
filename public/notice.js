// Removes the notice from the address: loading the page again, or sharing the address, shouldn't show it again.
const url = new URL(location);
url.searchParams.delete('notice');
url.searchParams.delete('at');
url.searchParams.delete('undo');
history.replaceState(history.state, '', url);
