# sdk/drive
