/*
 * For --import: the process meets a fault that nothing catches when it is sent SIGUSR2. FAULT says which: a rejection or an exception.
 */
process.on('SIGUSR2', () => {
  const fault = new Error('Words that quote what nobody may see');
  if (process.env.FAULT === 'rejection') Promise.reject(fault);
  else throw fault;
});
