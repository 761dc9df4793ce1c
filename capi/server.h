#ifndef TFKEEP_SERVER_H_
#define TFKEEP_SERVER_H_

#include "tensorflow/c/c_api.h"

// Libraries for phones and some other builds have no servers. The functions are weak
// in every file that calls them, so that the program loads there too.
#pragma weak TF_NewServer
#pragma weak TF_ServerStart
#pragma weak TF_ServerStop
#pragma weak TF_ServerJoin
#pragma weak TF_ServerTarget
#pragma weak TF_DeleteServer

// tfk_missing_server_function returns the name of a server function that the loaded
// library lacks, or NULL.
const char* tfk_missing_server_function(void);

#endif  // TFKEEP_SERVER_H_
