//! What can be shown without a server: that each statement takes and answers what its callers think, that what is made at
//! run time is made well, that the readers read the right columns, that the migrations are what was released; and, against
//! a scripted server, that the pool keeps nothing that is of no use.

mod generated;
mod migrations;
mod pool;
mod readers;
mod scan;
mod statements;
