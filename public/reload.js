// Reloads an error page when the pause that it announces is over; a hidden one, when it is next seen. Without scripts the page refreshes itself.
const { reloadSeconds } = document.querySelector('[data-reload-seconds]').dataset;

setTimeout(() => {
  if (!document.hidden) location.reload();
  else document.addEventListener('visibilitychange', () => location.reload(), { once: true });
}, reloadSeconds * 1000);
