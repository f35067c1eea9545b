package mesosproto

//go:generate ./generate.sh
