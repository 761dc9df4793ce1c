#ifndef TFKEEP_SERVER_H_
#define TFKEEP_SERVER_H_

#include "tensorflow/c/c_api.h"

// A library for phones, and some builds of others, have no servers. Weak in every
// file that calls them, the program still loads there.
#pragma weak TF_NewServer
#pragma weak TF_ServerStart
#pragma weak TF_ServerStop
#pragma weak TF_ServerJoin
#pragma weak TF_ServerTarget
#pragma weak TF_DeleteServer

// tfk_missing_server_function is the name of a function of servers that the
// loaded library lacks, or NULL.
const char* tfk_missing_server_function(void);

#endif  // TFKEEP_SERVER_H_
