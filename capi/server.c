#include "server.h"

#include <stddef.h>

const char* tfk_missing_server_function(void) {
  if (TF_NewServer == NULL) return "TF_NewServer";
  if (TF_ServerStart == NULL) return "TF_ServerStart";
  if (TF_ServerStop == NULL) return "TF_ServerStop";
  if (TF_ServerJoin == NULL) return "TF_ServerJoin";
  if (TF_ServerTarget == NULL) return "TF_ServerTarget";
  if (TF_DeleteServer == NULL) return "TF_DeleteServer";
  return NULL;
}
