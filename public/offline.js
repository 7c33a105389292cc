// The browser only knows whether the device has a network. Whether the server answers, the next load shows.
addEventListener('online', () => location.reload());
