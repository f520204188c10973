//! Checks that the programs in the README and in the guide record what the text beside them shows.

mod readme;
