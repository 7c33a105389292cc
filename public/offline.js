// The browser only knows whether the device has a network. Only the next load shows whether the server responds.
addEventListener('online', () => location.reload());
