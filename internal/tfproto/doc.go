// Package tfproto has the message definitions of TensorFlow 2.21, which are newer than the
// Go types of the binding. The binding's types are registered under TensorFlow's names, and
// a second generated set would collide with them. So the definitions are here as data:
// descriptors in a registry of their own, and messages made from them by package dynamicpb.
package tfproto
