/*
 * For --import: on SIGUSR2 the process has an unhandled rejection or an uncaught exception, as the variable FAULT says.
 */
process.on('SIGUSR2', () => {
  const fault = new Error('A message that quotes a secret');
  if (process.env.FAULT === 'rejection') Promise.reject(fault);
  else throw fault;
});
