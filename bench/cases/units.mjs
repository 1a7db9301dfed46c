export const milliseconds = { title: 'milliseconds', show: (ms) => ms.toFixed(2) };
export const microseconds = { title: 'microseconds', show: (ms) => (ms * 1000).toFixed(2) };
export const nanoseconds = { title: 'nanoseconds', show: (ms) => (ms * 1e6).toFixed(0) };
export const calls = { title: 'system calls', isTime: false, show: (count) => count.toFixed(4) };
