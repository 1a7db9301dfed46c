/** What users see of this room. */
export { Loan } from './loan.js';
export { LoanedItem } from './loaned-item.js';
