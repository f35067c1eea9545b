package e2e

func removeImage() {}
